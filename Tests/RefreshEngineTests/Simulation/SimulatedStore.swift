import RefreshCore
@testable import RefreshEngine
import TestSupport
import Synchronization

/// The disk as one simulated process sees it: slow, at times full or away, and what is on it outlives the process.
struct SimulatedStore: TokenStore {
    let world: World
    let clock: SimulatedClock
    /// What is durable.
    let disk: any TokenStore
    let sealer: ClearSealer

    private static let refusal = StoreError.unavailable(detail: "the simulation's weather")

    /// - Returns: Whether the caller is told of a failure although the work is done; nil when the process is gone.
    private func enter(isWrite: Bool) async throws(StoreError) -> (failsAfter: Bool, wait: Duration)? {
        guard !self.clock.isOver else { return nil }
        let fate = self.world.storeFate(isWrite: isWrite)
        await self.clock.pause(for: fate.before)
        guard !self.clock.isOver else { return nil }
        if fate.failsBefore { throw Self.refusal }
        return (fate.failsAfter, fate.after)
    }

    /// - Returns: Whether the process is still there to be told.
    private func leave(_ fate: (failsAfter: Bool, wait: Duration)) async throws(StoreError) -> Bool {
        await self.clock.pause(for: fate.wait)
        guard !self.clock.isOver else { return false }
        if fate.failsAfter { throw Self.refusal }
        return true
    }

    func accounts(after: AccountID?, limit: Int) async throws(StoreError) -> [StoredAccount] {
        guard try await self.enter(isWrite: false) != nil else { return [] }
        return try await self.disk.accounts(after: after, limit: limit)
    }

    func account(_ account: AccountID) async throws(StoreError) -> StoredAccount {
        guard try await self.enter(isWrite: false) != nil else { throw .notFound(account) }
        return try await self.disk.account(account)
    }

    func token(for account: AccountID) async throws(StoreError) -> SealedToken {
        guard try await self.enter(isWrite: false) != nil else { throw .notFound(account) }
        return try await self.disk.token(for: account)
    }

    func grant(for account: AccountID) async throws(StoreError) -> SealedGrant {
        guard try await self.enter(isWrite: false) != nil else { throw .notFound(account) }
        return try await self.disk.grant(for: account)
    }

    func claim(_ accounts: [AccountID], for time: Duration) async throws(StoreError) -> [AccountID] {
        self.clock.isOver ? [] : accounts
    }

    func commit(_ results: [AttemptResult]) async throws(StoreError) -> [CommitOutcome] {
        guard let fate = try await self.enter(isWrite: true) else { return results.map { _ in .notFound } }
        if let lie = self.lie(results) { return lie }
        self.world.state.withLock { $0.isWriting = true }
        let outcomes = try await self.disk.commit(results)
        for (result, outcome) in zip(results, outcomes) {
            guard case .renewed(let renewal) = result.outcome, case .committed(let generation, _) = outcome else {
                continue
            }
            self.note(result.account, renewal, generation)
        }
        self.world.state.withLock { $0.isWriting = false }
        return try await self.leave(fate) ? outcomes : results.map { _ in .notFound }
    }

    func edit(_ edits: [AccountEdit]) async throws(StoreError) -> [CommitOutcome] {
        guard let fate = try await self.enter(isWrite: true) else { return edits.map { _ in .notFound } }
        self.world.state.withLock { $0.isWriting = true }
        let outcomes = try await self.disk.edit(edits)
        for (edit, outcome) in zip(edits, outcomes) {
            guard case .committed(let generation, _) = outcome else { continue }
            switch edit {
            case .put(let account, profile: _, replacing: _, let renewal, dueAt: _):
                self.note(account, renewal, generation)
            case .remove(let account): self.world.committed(account, nil)
            case .pause, .deliver, .mark: break
            }
        }
        self.world.state.withLock { $0.isWriting = false }
        return try await self.leave(fate) ? outcomes : edits.map { _ in .notFound }
    }

    func acknowledge(_ deliveries: [Delivery]) async throws(StoreError) {
        guard let fate = try await self.enter(isWrite: true) else { return }
        try await self.disk.acknowledge(deliveries)
        _ = try await self.leave(fate)
    }

    /// What a broken store says.
    private func lie(_ results: [AttemptResult]) -> [CommitOutcome]? {
        guard self.world.flaw == .storeForgets || self.world.flaw == .storeAnswersEarly,
            results.allSatisfy({ if case .renewed = $0.outcome { true } else { false } })
        else { return nil }
        return results.map { result in
            if self.world.flaw == .storeForgets, case .renewed(let renewal) = result.outcome {
                self.note(result.account, renewal, result.generation.next)
            }
            return .committed(result.generation.next, Revision(0))
        }
    }

    /// Opens what was written, as the next process would.
    private func note(_ account: AccountID, _ renewal: Renewal, _ generation: Generation) {
        func place(_ column: SealingPlace.Column) -> SealingPlace {
            SealingPlace(store: Rig.storeID, account: account, column: column, generation: generation)
        }
        guard let access = try? self.sealer.open(renewal.sealedToken, at: place(.accessToken)),
            let sealed = try? self.sealer.open(renewal.sealedGrant, at: place(.grant)),
            let refresh = Grant(decoding: sealed.revealBytes())?.refreshToken,
            let accessSerial = World.serial(access.reveal()), let refreshSerial = World.serial(refresh.reveal())
        else {
            self.world.violate("V1: what was committed of \(account) does not open")
            return
        }
        self.world.tally { $0.renewals += 1 }
        self.world.committed(account, World.Row(generation: generation, access: accessSerial, refresh: refreshSerial))
    }
}
