import Logging
import RefreshCore
import Synchronization

/// A start with a wall clock that is behind what is stored: how long a token still lives, nobody knows (facts D04, D05).
///
/// Only the wall clock carries lives over a restart. Behind the last moment that was written down it is wrong for certain,
/// by nobody knows how much; so every token that ends counts as one that has ended, and is refreshed through its lane, with
/// the lane's limits. Once the clock is set, what was read is looked at again, and what had been right all along is right
/// from then on.
struct UnknownLives: Sendable {
    /// By how much two readings of a clock that is kept right may differ.
    static let tolerance: Duration = .seconds(60)

    /// The latest moment that any row was written with, as UTC.
    private(set) var newest = Timestamp(milliseconds: .min)
    /// Whose lives are unknown.
    private(set) var accounts: Set<AccountID> = []

    /// Notes a row; `issuedAt` is UTC.
    mutating func saw(_ issuedAt: Timestamp) { self.newest = Swift.max(self.newest, issuedAt) }

    /// Whether a wall clock that shows `now` is behind.
    func isBehind(_ now: Timestamp) -> Bool { self.newest > now + Self.tolerance }

    mutating func insert(_ account: AccountID) { self.accounts.insert(account) }

    mutating func remove(_ account: AccountID) { self.accounts.remove(account) }
}

extension AccountRecord {
    /// Takes the token for one that has just ended.
    ///
    /// - Returns: Whether there was a life to forget: a token that does not end has none.
    mutating func forgetLife(at now: Timestamp) -> Bool {
        guard let expiresAt = self.facts.expiresAt else { return false }
        self.facts.issuedAt = now - Swift.max(expiresAt - self.facts.issuedAt, .zero)
        self.facts.expiresAt = now
        return true
    }
}

extension EngineState {
    /// Every account has been read in, and the clock is behind: what seemed to live on counts as ended.
    ///
    /// - Parameters:
    ///   - now: On the daemon's time line.
    ///   - begin: When the reading began; what was refreshed since is known.
    /// - Returns: Whose lives are forgotten.
    mutating func forgetLives(at now: Timestamp, since begin: Timestamp) -> [AccountID] {
        var forgotten: [AccountID] = []
        for account in self.records.compactMap({ $0 }) {
            guard account.facts.issuedAt < begin || account.facts.issuedAt > now else { continue }
            let due = self.settings.clients[account.client]
            let isForgotten = self.update(account.account) { record in
                guard record.forgetLife(at: now) else { return false }
                if record.machine.standing == .good { record.dueAt = due?.due(record.facts, of: record.account) }
                return true
            }
            guard isForgotten == true else { continue }
            self.unknownLives.insert(account.account)
            forgotten.append(account.account)
        }
        return forgotten
    }

    /// The clock was set: the life of a token is known again, unless it has been replaced meanwhile.
    ///
    /// `facts` are on the daemon's time line. Returns whether they were taken.
    mutating func recallLife(_ account: AccountID, _ generation: Generation, _ facts: TokenFacts) -> Bool {
        self.unknownLives.remove(account)
        let settings = self.settings
        let isAwaited = self.waiterCount(of: account) > 0
        return self.update(account) { record in
            guard record.generation == generation else { return false }
            record.facts = facts
            if record.machine.standing == .good {
                record.dueAt = settings.clients[record.client]?.due(facts, of: account)
                // In its lane only because nobody knew.
                if !isAwaited { record.machine.calledBack() }
            }
            return true
        } ?? false
    }

    /// The clock was set by so much that certificates may be valid now that were not: who failed by one tries again.
    mutating func retryHandshakes(at now: Timestamp) {
        for account in self.records.compactMap({ $0 }) where account.failure?.cause == .tls {
            _ = self.update(account.account) { record in
                guard record.machine.standing == .retrying, let dueAt = record.dueAt, dueAt > now else { return }
                record.dueAt = now
            }
        }
        for lane in self.lanes.keys { self.lanes[lane]?.probeNow(at: now) }
    }
}

extension Engine {
    /// Sees to tokens whose lives nobody knows, once every account is read in.
    func forgetLivesIfBehind(since begin: Timestamp) {
        let (now, shift) = (self.clock.now, self.clock.utcShift)
        let forgotten = self.state.withLock { state in
            state.unknownLives.isBehind(now + shift) ? state.forgetLives(at: now, since: begin) : []
        }
        guard !forgotten.isEmpty else { return }
        for account in forgotten { self.table.expire(account, at: now, utcShift: shift) }
        self.logger.event(
            .clockStep,
            .warning,
            "the wall clock is behind what is stored: how long tokens live is not known, so they are refreshed",
            ["accounts": "\(forgotten.count)"]
        )
    }

    /// Looks again at lives that were not known, after the clock was set.
    func recallLives() async {
        let (now, shift) = (self.clock.now, self.clock.utcShift)
        let unknown = self.state.withLock { state in
            state.unknownLives.isBehind(now + shift) ? [] : state.unknownLives.accounts
        }
        for account in unknown.sorted(by: { $0.name < $1.name }) {
            guard let row = try? await self.store.account(account) else { continue }
            let facts = row.facts.shifted(by: .zero - shift)
            let isTaken = self.state.withLock { $0.recallLife(account, row.generation, facts) }
            guard isTaken, let expiresAt = facts.expiresAt else { continue }
            self.table.expire(account, at: expiresAt, utcShift: shift)
        }
        if !unknown.isEmpty { self.turn() }
    }
}
