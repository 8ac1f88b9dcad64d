package import RefreshCore
import Synchronization

/// Who waits for which account's next change.
package final class Watchers: Sendable {
    /// Which events a watcher wants.
    package struct Filter: Sendable {
        package var client: String?
        package var account: String?
        /// Whether the watcher may know of this account at all.
        package var mayKnow: @Sendable (AccountID) -> Bool

        package init(client: String?, account: String?, mayKnow: @escaping @Sendable (AccountID) -> Bool) {
            self.client = client
            self.account = account
            self.mayKnow = mayKnow
        }

        func wants(_ id: AccountID) -> Bool {
            (self.client.map { id.client == $0[...] } ?? true) && (self.account.map { id.name == $0 } ?? true)
                && self.mayKnow(id)
        }
    }

    private struct State {
        var nextNumber = 0
        var watchers: [Int: (filter: Filter, continuation: AsyncStream<Event>.Continuation)] = [:]
    }

    /// How many events are kept for a watcher that does not read; one more, and it is let go (facts H04).
    package static let backlog = 256

    private let state = Mutex(State())

    package init() {}

    package var isEmpty: Bool { self.state.withLock { $0.watchers.isEmpty } }

    /// Events from now on, until the reader goes away or falls behind by more than `backlog`.
    package func events(_ filter: Filter) -> AsyncStream<Event> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Event.self,
            bufferingPolicy: .bufferingOldest(Self.backlog)
        )
        let number = self.state.withLock { state in
            state.nextNumber += 1
            state.watchers[state.nextNumber] = (filter, continuation)
            return state.nextNumber
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.watchers.removeValue(forKey: number) }
        }
        return stream
    }

    /// Tells whoever wants to know.
    package func notify(_ event: Event) {
        // Taken out of the lock: ending a stream calls back into this object.
        let interested = self.state.withLock { state in
            state.watchers.values.filter { $0.filter.wants(event.account.account) }.map(\.continuation)
        }
        for continuation in interested {
            if case .dropped = continuation.yield(event) { continuation.finish() }
        }
    }

    /// Ends every stream, at the end of service.
    package func finish() {
        for (_, continuation) in self.state.withLock({ $0.watchers }).values { continuation.finish() }
    }
}
