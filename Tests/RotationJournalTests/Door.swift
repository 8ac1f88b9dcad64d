import Dispatch

/// Holds a thread up until a test opens it, once and for all.
final class Door: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { self.semaphore.signal() }

    func pass() {
        self.semaphore.wait()
        self.semaphore.signal()
    }
}
