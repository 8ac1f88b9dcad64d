import RefreshCore
import Synchronization

/// One authorization on another device, from its codes to its end: who waits for it, and what became of it.
final class DeviceWait: Sendable {
    typealias Outcome = Result<AccountView, EngineError>

    private struct State {
        var outcome: Outcome?
        var waiting: [AsyncStream<Outcome>.Continuation] = []
    }

    let account: AccountID
    /// When the codes end.
    let expiresAt: Timestamp
    private let state = Mutex(State())

    init(account: AccountID, expiresAt: Timestamp) {
        self.account = account
        self.expiresAt = expiresAt
    }

    var isOver: Bool { self.state.withLock { $0.outcome != nil } }

    /// The first end counts.
    func end(_ outcome: Outcome) {
        let waiting = self.state.withLock { state in
            guard state.outcome == nil else { return [AsyncStream<Outcome>.Continuation]() }
            state.outcome = outcome
            defer { state.waiting = [] }
            return state.waiting
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
        let known = self.state.withLock { state in
            if state.outcome == nil { state.waiting.append(continuation) }
            return state.outcome
        }
        if let known { return known }
        return await outcomes.first { _ in true }
    }
}
