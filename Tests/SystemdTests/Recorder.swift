import Synchronization

/// Collects what code under test sends, from any thread.
final class Recorder<Element: Sendable>: Sendable {
    private let state = Mutex<[Element]>([])

    var elements: [Element] { self.state.withLock { $0 } }

    func append(_ element: Element) {
        self.state.withLock { $0.append(element) }
    }
}
