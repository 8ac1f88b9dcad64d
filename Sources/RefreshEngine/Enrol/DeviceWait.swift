import RefreshCore
import Synchronization

/// One authorization on another device, from its codes to its end: who waits for it, and what became of it.
final class DeviceWait: Sendable {
    typealias Outcome = Result<AccountView, EngineError>

    private struct Contents {
        var outcome: Outcome?
        var waiting: [AsyncStream<Outcome>.Continuation] = []
    }

    /// Its name.
    let state: String
    let account: AccountID
    /// When the codes end.
    let expiresAt: Timestamp
    private let contents = Mutex(Contents())

    init(state: String, account: AccountID, expiresAt: Timestamp) {
        self.state = state
        self.account = account
        self.expiresAt = expiresAt
    }

    var isOver: Bool { self.contents.withLock { $0.outcome != nil } }

    /// The first end counts.
    func end(_ outcome: Outcome) {
        let waiting = self.contents.withLock { contents in
            guard contents.outcome == nil else { return [AsyncStream<Outcome>.Continuation]() }
            contents.outcome = outcome
            defer { contents.waiting = [] }
            return contents.waiting
        }
        for waiter in waiting {
            waiter.yield(outcome)
            waiter.finish()
        }
    }

    /// Waits for the end.
    ///
    /// - Returns: Nil when the caller is cancelled meanwhile.
    func outcome() async -> Outcome? {
        let (outcomes, continuation) = AsyncStream.makeStream(of: Outcome.self, bufferingPolicy: .bufferingNewest(1))
        let known = self.contents.withLock { contents in
            if contents.outcome == nil { contents.waiting.append(continuation) }
            return contents.outcome
        }
        if let known { return known }
        return await outcomes.first { _ in true }
    }
}
