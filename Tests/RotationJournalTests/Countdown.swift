import Synchronization

/// Counts calls from several threads.
final class Countdown: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { self.left = Mutex(count) }

    /// True so many times, then false.
    func tick() -> Bool {
        self.left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }

    /// False at one call only: the one after so many.
    func passes() -> Bool {
        self.left.withLock { left in
            left -= 1
            return left != -1
        }
    }
}
