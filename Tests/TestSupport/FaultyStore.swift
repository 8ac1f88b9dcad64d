package import RefreshCore
import Synchronization

/// Any store, failing at the call that a test chooses.
package final class FaultyStore: TokenStore {
    /// The functions of the port.
    package enum Operation: Hashable, Sendable, CaseIterable {
        case accounts, token, grant, claim, commit, edit, acknowledge
    }

    /// Whether the work was done when the error is thrown.
    package enum Moment: Hashable, Sendable {
        case before
        /// The caller is told of a failure, and yet it was written: what a lost connection during COMMIT looks like.
        case after
    }

    private struct Fault {
        var operation: Operation?
        var remaining: Int
        var times: Int
        var error: StoreError
        var moment: Moment
    }

    private struct State {
        var faults: [Fault] = []
        var calls: [Operation: Int] = [:]
    }

    private let store: any TokenStore
    private let state = Mutex(State())

    package init(_ store: any TokenStore) { self.store = store }

    /// Plans a failure.
    ///
    /// - Parameters:
    ///   - operation: Which function fails; nil for whichever it is.
    ///   - call: The n-th of those calls from now, 1 for the next.
    ///   - times: How many calls in a row fail from there on; `Int.max` for all.
    ///   - error: What is thrown.
    ///   - moment: Before the work is done, or after.
    package func fail(
        _ operation: Operation? = nil,
        call: Int = 1,
        times: Int = 1,
        with error: StoreError = .unavailable(detail: "planned by the test"),
        _ moment: Moment = .before
    ) {
        self.state.withLock { state in
            state.faults.append(
                Fault(operation: operation, remaining: call, times: times, error: error, moment: moment)
            )
        }
    }

    /// Drops every planned failure.
    package func heal() { self.state.withLock { $0.faults = [] } }

    /// How often a function has been called, failures included.
    package func calls(of operation: Operation) -> Int { self.state.withLock { $0.calls[operation] ?? 0 } }

    package func accounts(after: AccountID?, limit: Int) async throws(StoreError) -> [StoredAccount] {
        let late = try self.enter(.accounts)
        let page = try await self.store.accounts(after: after, limit: limit)
        if let late { throw late }
        return page
    }

    package func account(_ account: AccountID) async throws(StoreError) -> StoredAccount {
        let late = try self.enter(.accounts)
        let found = try await self.store.account(account)
        if let late { throw late }
        return found
    }

    package func token(for account: AccountID) async throws(StoreError) -> SealedToken {
        let late = try self.enter(.token)
        let token = try await self.store.token(for: account)
        if let late { throw late }
        return token
    }

    package func grant(for account: AccountID) async throws(StoreError) -> SealedGrant {
        let late = try self.enter(.grant)
        let grant = try await self.store.grant(for: account)
        if let late { throw late }
        return grant
    }

    package func claim(_ accounts: [AccountID], for time: Duration) async throws(StoreError) -> [AccountID] {
        let late = try self.enter(.claim)
        let claimed = try await self.store.claim(accounts, for: time)
        if let late { throw late }
        return claimed
    }

    package func commit(_ results: [AttemptResult]) async throws(StoreError) -> [CommitOutcome] {
        let late = try self.enter(.commit)
        let outcomes = try await self.store.commit(results)
        if let late { throw late }
        return outcomes
    }

    package func edit(_ edits: [AccountEdit]) async throws(StoreError) -> [CommitOutcome] {
        let late = try self.enter(.edit)
        let outcomes = try await self.store.edit(edits)
        if let late { throw late }
        return outcomes
    }

    package func acknowledge(_ deliveries: [Delivery]) async throws(StoreError) {
        let late = try self.enter(.acknowledge)
        try await self.store.acknowledge(deliveries)
        if let late { throw late }
    }

    /// Counts a call.
    ///
    /// - Returns: The error to throw once the work is done; nil for none.
    /// - Throws: The error of a fault that strikes before.
    private func enter(_ operation: Operation) throws(StoreError) -> StoreError? {
        let struck: Fault? = self.state.withLock { state in
            state.calls[operation, default: 0] += 1
            var struck: Fault?
            for index in state.faults.indices {
                let planned = state.faults[index].operation
                guard planned == nil || planned == operation, state.faults[index].times > 0 else { continue }
                if state.faults[index].remaining > 1 {
                    state.faults[index].remaining -= 1
                } else {
                    state.faults[index].times -= 1
                    struck = struck ?? state.faults[index]
                }
            }
            return struck
        }
        guard let struck else { return nil }
        guard struck.moment == .before else { return struck.error }
        throw struck.error
    }
}
