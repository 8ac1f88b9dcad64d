import KillPoints
import Logging
import OAuth
import RefreshCore
import Synchronization

/// What comparing the store with the journal tells at the start.
package enum StoreHistory: Hashable, Sendable {
    /// The store is the one that the last process left.
    case continuous
    /// It is an older one, or a copy: refresh tokens in it may have been used since. The text says how that shows.
    case broken(String)
}

/// What an earlier process left under way, settled before anything is loaded: a grace may be five seconds long.
///
/// Doing it twice does no harm: every commit names the generation it is made from, and a slot is freed only after it.
struct InDoubt {
    let engine: Engine
    let history: StoreHistory

    /// How often an answer that ended the process may do so (facts A10).
    private static let tries = 2

    /// Settles every slot, then sets rotating grants aside if the store is not the one that was left.
    ///
    /// - Returns: The accounts that must not wait until everything is loaded.
    /// - Throws: `StoreError`, when the store does not take what was recovered; the slots stay as they are.
    func run() async throws(StoreError) -> [StoredAccount] {
        var settled: Set<AccountID> = []
        var urgent: [AccountID] = []
        // Of two answers to one grant the one that was asked for later is the newer pair (facts F31).
        let attempts = self.engine.journal.recovered().sorted { $0.intent.startedAt > $1.intent.startedAt }
        for attempt in attempts {
            let account = attempt.intent.account
            guard !settled.contains(account) else {
                self.engine.journal.free([attempt.slot])
                continue
            }
            switch try await self.settle(attempt) {
            case .renewed: settled.insert(account)
            case .inDoubt: urgent.append(account)
            case .nothing: break
            }
            KillPoint.inRecovery.pass(account.name)
        }
        if case .broken(let reason) = self.history {
            try await self.setAside(reason, except: settled)
            return []
        }
        KillPoint.afterRecovery.pass()
        var rows: [StoredAccount] = []
        for account in urgent { rows.append(try await self.engine.store.account(account)) }
        return rows
    }

    private enum Settlement {
        case renewed
        /// A refresh was sent, and the outcome is written down as unknown.
        case inDoubt
        case nothing
    }

    private func settle(_ attempt: RecoveredAttempt) async throws(StoreError) -> Settlement {
        let engine = self.engine
        let account = attempt.intent.account
        let row: StoredAccount
        let sealedGrant: SealedGrant
        do throws(StoreError) {
            row = try await engine.store.account(account)
            sealedGrant = try await engine.store.grant(for: account)
        } catch {
            guard case .notFound = error else { throw error }
            engine.journal.free([attempt.slot])
            return .nothing
        }
        guard row.generation <= attempt.intent.generation else {
            // Committed before the slot was freed, or replaced by a person.
            engine.journal.free([attempt.slot])
            return .renewed
        }
        guard let clientID = try? ClientID(String(account.client)),
            let client = engine.state.withLock({ $0.settings.clients[clientID] })
        else {
            engine.logger.warning(
                "a refresh of an account without a client is kept in the journal until the client is configured again",
                metadata: [LogKeys.account: "\(account)"]
            )
            return .nothing
        }
        switch attempt.progress {
        case .notSent:
            engine.journal.free([attempt.slot])
            return .nothing
        case .sent where row.generation < attempt.intent.generation:
            // Of a store that has lost commits: the refresh token that was sent is not the one that it has.
            engine.journal.free([attempt.slot])
            return .nothing
        case .sent(let at):
            return try await self.doubt(.unanswered(.closed), attempt, row, client, sentAt: at)
        case .answered(let answer, let sentAt):
            guard attempt.tries < Self.tries else {
                engine.journal.setAside(attempt.slot)
                engine.logger.event(
                    .answerSetAside,
                    .critical,
                    "an answer has ended the daemon twice; it is kept, and nobody looks into it any more",
                    [LogKeys.account: "\(account)"]
                )
                return try await self.holdBack(
                    row,
                    "its last answer ended the daemon twice and is set aside: authorize again"
                )
            }
            do throws(JournalError) {
                try engine.journal.willTry(attempt.slot)
            } catch {
                throw .unavailable(detail: "the attempt journal cannot be written")
            }
            return try await self.adopt(answer, attempt, row, sealedGrant, client, sentAt: sentAt)
        }
    }

    /// Makes of a recovered answer what the attempt would have made of it.
    ///
    /// In a store that has lost commits it may follow a generation that is not there any more: it is newer than any that
    /// is, and the only good refresh token may be in it (facts V1, B15, J03).
    private func adopt(
        _ answer: RawAnswer,
        _ attempt: RecoveredAttempt,
        _ row: StoredAccount,
        _ sealedGrant: SealedGrant,
        _ client: ClientSettings,
        sentAt: Timestamp
    ) async throws(StoreError) -> Settlement {
        let engine = self.engine
        let account = row.account
        guard let strategy = client.client.profile.strategyImplementation,
            let grant = engine.open(sealedGrant, of: account)
        else {
            // The key is not here; with it, the next start can use the answer.
            engine.logger.error(
                "a recovered answer waits for the key of its account",
                metadata: [LogKeys.account: "\(account)", LogKeys.cause: "\(Cause.keyLost.rawValue)"]
            )
            return .nothing
        }
        KillPoint.whileParsing.pass(account.name)
        var verdict = strategy.verdict(
            on: answer,
            grant: grant,
            client: client.client,
            now: engine.clock.now + engine.clock.utcShift
        )
        if client.habit.rotation.spends, attempt.intent.number > 1 { verdict = verdict.ifRepeated(to: grant) }
        engine.journal.wasRead(attempt.slot)
        let shift = engine.clock.utcShift
        let facts = row.facts.shifted(by: .zero - shift)
        let successor: Successor
        var withheld: Withheld?
        switch verdict {
        case .renewed(let new) where new.withheld != nil:
            withheld = new.withheld
            guard let accessToken = await engine.openToken(of: account, row.generation) else { return .nothing }
            successor = Successor(
                salvaged: new.refreshToken,
                after: grant,
                accessToken,
                facts,
                standing: withheld?.standing ?? .misconfigured,
                dueAt: nil
            )
        case .renewed(let new):
            successor = Successor(new, after: grant, facts, of: account, client, issuedAt: sentAt - shift)
        case .salvaged(let refreshToken, _):
            guard let accessToken = await engine.openToken(of: account, row.generation) else { return .nothing }
            successor = Successor(
                salvaged: refreshToken,
                after: grant,
                accessToken,
                facts,
                standing: .retrying,
                dueAt: engine.clock.now + RefreshWindow.floor
            )
        case .refused where row.generation < attempt.intent.generation:
            engine.journal.free([attempt.slot])
            return .nothing
        case .refused(let failure, let message, let retryAfter):
            let fault = AttemptFault.refused(failure, message: message, retryAfter: retryAfter)
            return try await self.doubt(fault, attempt, row, client, sentAt: sentAt)
        }
        let sinks = successor.isNews ? engine.sinks(of: client.client.id) : []
        let result: AttemptResult
        do throws(SealingError) {
            result = try engine.result(successor, of: account, row.generation, sinks)
        } catch {
            throw .unavailable(detail: "a recovered token could not be sealed")
        }
        try await self.commit(result)
        KillPoint.afterCommit.pass(account.name)
        if let withheld { await engine.mark(account, row.generation.next, withheld) }
        engine.journal.free([attempt.slot])
        engine.logger.event(
            .attemptRecovered,
            .notice,
            "an answer that had come before the last stop is taken over",
            [LogKeys.account: "\(account)", LogKeys.generation: "\(row.generation.next)"]
        )
        return .renewed
    }

    /// Writes down what a failed or unanswered attempt of the last process means.
    private func doubt(
        _ fault: AttemptFault,
        _ attempt: RecoveredAttempt,
        _ row: StoredAccount,
        _ client: ClientSettings,
        sentAt: Timestamp
    ) async throws(StoreError) -> Settlement {
        let engine = self.engine
        let record = AccountRecord(row, client: client.client.id, utcShift: engine.clock.utcShift)
        let judgement = AttemptJudge.judge(
            fault,
            machine: record.machine,
            habit: client.habit,
            now: engine.clock.now,
            sentAt: sentAt - engine.clock.utcShift,
            phase: row.account.phase,
            tokenExpiresAt: record.facts.expiresAt
        )
        try await self.commit(engine.result(judgement, of: row.account, row.generation, record.machine))
        engine.journal.free([attempt.slot])
        engine.log(judgement, of: row.account, client.client.id, row.generation)
        return judgement.failure.retryAt == nil ? .nothing : .inDoubt
    }

    private func holdBack(_ row: StoredAccount, _ message: String) async throws(StoreError) -> Settlement {
        let failure = Failure(
            cause: .answerLost,
            message: message,
            at: self.engine.clock.now + self.engine.clock.utcShift,
            retryAt: nil,
            count: (row.failure?.count ?? 0) + 1
        )
        _ = try await self.engine.store.edit([
            .mark(row.account, generation: row.generation, .inDoubt, failure, doubt: row.doubt, dueAt: nil)
        ])
        return .nothing
    }

    /// A few tries: a store that takes nothing at all is told by the start that fails; the slots wait.
    private func commit(_ result: AttemptResult) async throws(StoreError) {
        for count in 1... {
            do throws(StoreError) {
                let outcomes = try await self.engine.store.commit([result])
                if case .committed(_, let revision)? = outcomes.first { self.engine.journal.note(revision) }
                return
            } catch {
                guard count < 4, case .unavailable = error else { throw error }
                let wait = RetryLadder.store.wait(after: count, phase: 1)
                try? await self.engine.clock.sleep(until: self.engine.clock.now + wait, tolerance: nil)
            }
        }
    }

    // MARK: Another store than the one that was left

    /// Refresh tokens that can be used only once and may have been used since are not sent by themselves any more
    /// (facts T15, B15, B16).
    private func setAside(_ reason: String, except settled: Set<AccountID>) async throws(StoreError) {
        let engine = self.engine
        let clients = engine.state.withLock { $0.settings.clients }
        let now = engine.clock.now + engine.clock.utcShift
        var last: AccountID?
        var count = 0
        while true {
            let page = try await engine.store.accounts(after: last, limit: 1_000)
            let edits = page.compactMap { row -> AccountEdit? in
                guard !settled.contains(row.account), let id = try? ClientID(String(row.account.client)),
                    clients[id]?.habit.rotation.spends ?? true
                else { return nil }
                switch row.standing {
                case .static, .needsAuthorization: return nil
                case .good, .retrying, .inDoubt, .misconfigured: break
                }
                let failure = Failure(cause: .answerLost, message: reason, at: now, retryAt: nil, count: 1)
                return .mark(row.account, generation: row.generation, .inDoubt, failure, doubt: row.doubt, dueAt: nil)
            }
            if !edits.isEmpty { _ = try await engine.store.edit(edits) }
            count += edits.count
            guard page.count == 1_000, let end = page.last else { break }
            last = end.account
        }
        engine.logger.event(
            .storeOlder,
            .critical,
            "the store is not the one that was left: \(count) refresh tokens are not sent before a person says so",
            [LogKeys.reason: "\(reason)"]
        )
    }
}

extension Engine {
    func open(_ sealed: SealedGrant, of account: AccountID) -> Grant? {
        let place = SealingPlace(store: self.storeID, account: account, column: .grant, generation: sealed.generation)
        guard let bytes = try? self.sealer.open(sealed.sealed, at: place) else { return nil }
        return Grant(decoding: bytes.revealBytes())
    }
}
