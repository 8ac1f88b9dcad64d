import KillPoints
import Logging
import OAuth
import RefreshCore
import Synchronization

// What came of an attempt, written down and told: steps 9 and 10.
extension Refresher {
    /// Frees the lane.
    func end(_ ticket: EngineState.Ticket, _ effect: LaneEffect) {
        let now = self.engine.clock.now
        let stop = self.engine.state.withLock { $0.ended(ticket, effect, at: now) }
        if let stop { self.engine.laneStopped(ticket.client, stop) }
        self.engine.pump()
    }

    /// Nothing was sent, and nothing is written down: the account goes back to sleep and is due again.
    func giveUp(_ ticket: EngineState.Ticket) {
        let now = self.engine.clock.now
        self.end(ticket, .abandoned)
        self.settle(ticket) { record in
            record.machine.gaveUp()
            // Replaced meanwhile: what replaced it has set its own moment.
            if record.generation == ticket.generation { record.dueAt = now + .seconds(1) }
        }
    }

    /// Whether an attempt is over before anything is asked for: its token has ended and was all there was, is too young
    /// to be taken, or cannot be refreshed at all.
    func isSettledUnasked(_ ticket: EngineState.Ticket, _ client: ClientSettings) async -> Bool {
        let profile = client.client.profile
        let now = self.engine.clock.now
        let isEnded = ticket.facts.expiresAt.map { $0 <= now } ?? false
        let isUnrefreshable = ticket.machine.standing == .static || profile.strategyImplementation == nil
        if isEnded, isUnrefreshable || profile.strategy.spendsAccessToken {
            await self.keep(.expired, of: ticket, client, sentAt: nil)
            return true
        }
        let moment: Timestamp?
        if isUnrefreshable {
            moment = ticket.facts.expiresAt
        } else {
            guard let earliest = profile.earliestRefresh(ticket.facts), earliest > now else { return false }
            moment = Swift.max(earliest, client.due(ticket.facts, of: ticket.account) ?? earliest)
        }
        self.end(ticket, .abandoned)
        self.settle(ticket) { record in
            record.machine.gaveUp()
            if record.generation == ticket.generation { record.dueAt = moment }
        }
        return true
    }

    private func settle(_ ticket: EngineState.Ticket, _ change: (inout AccountRecord) -> Void) {
        let waiters = self.engine.state.withLock { $0.settle(ticket, change) }
        for waiter in waiters { waiter.resume() }
        self.engine.pump()
    }

    /// Commits a new token and publishes it.
    ///
    /// - Returns: Whether the answer has done its work; false when it must be looked at again.
    func keep(
        _ new: NewToken,
        _ old: Grant,
        of ticket: EngineState.Ticket,
        _ client: ClientSettings,
        issuedAt: Timestamp
    ) async -> Bool {
        if let withheld = new.withheld {
            return await self.salvage(new.refreshToken, withheld, withheld.message, old, of: ticket)
        }
        let successor = Successor(new, after: old, ticket.facts, of: ticket.account, client, issuedAt: issuedAt)
        for note in successor.notes {
            self.engine.logger.notice(
                "the answer was not as it should be",
                metadata: [LogKeys.account: "\(ticket.account)", LogKeys.reason: "\(note)"]
            )
        }
        return await self.commit(successor, of: ticket, client)
    }

    /// Keeps a refresh token that came without an access token that may be used: the old one goes on.
    ///
    /// `withheld` says why a person must look at it; without it a refresh follows soon. Returns as `keep` does.
    func salvage(
        _ refreshToken: Secret?,
        _ withheld: Withheld? = nil,
        _ message: String,
        _ old: Grant,
        of ticket: EngineState.Ticket
    ) async -> Bool {
        let engine = self.engine
        guard let client = engine.state.withLock({ $0.settings.clients[ticket.client] }),
            let accessToken = await engine.openToken(of: ticket.account, ticket.generation)
        else {
            self.settle(ticket) { $0.machine.gaveUp() }
            return false
        }
        engine.logger.warning(
            "the answer held no access token that may be used; its refresh token is kept",
            metadata: [LogKeys.account: "\(ticket.account)", LogKeys.reason: "\(message)"]
        )
        let successor = Successor(
            salvaged: refreshToken,
            after: old,
            accessToken,
            ticket.facts,
            standing: withheld?.standing ?? .retrying,
            dueAt: withheld == nil ? engine.clock.now + RefreshWindow.floor : nil
        )
        let isSettled = await self.commit(successor, of: ticket, client)
        if let withheld, isSettled { await engine.mark(ticket.account, ticket.generation.next, withheld) }
        return isSettled
    }

    /// Commits a new generation and publishes it.
    private func commit(_ successor: Successor, of ticket: EngineState.Ticket, _ client: ClientSettings) async -> Bool {
        let engine = self.engine
        let sinks = successor.isNews ? engine.sinks(of: ticket.client) : []
        let generation = ticket.generation.next
        let result: AttemptResult
        do throws(SealingError) {
            result = try engine.result(successor, of: ticket.account, ticket.generation, sinks)
        } catch {
            // Sealing needs nothing but memory and a key that is there; without it nothing may be written.
            engine.logger.critical("a new token could not be sealed", metadata: [LogKeys.account: "\(ticket.account)"])
            self.settle(ticket) { $0.machine.gaveUp() }
            return false
        }
        let token = Token(accessToken: successor.accessToken, facts: successor.facts, generation: generation)
        let outcome = await self.committer.commit(result) {
            // Clients should not suffer for our disk. Not where the use of the new token ends the old grant, which is the
            // only one that is durable; and sinks wait.
            guard successor.isNews, client.habit.rotation != .onUse else { return }
            engine.table.publish(
                RenderedToken(
                    account: ticket.account,
                    token: token,
                    utcShift: engine.clock.utcShift,
                    warning: "store_unavailable: this token is not stored yet"
                )
            )
        }
        guard case .committed(let committed, let revision)? = outcome, committed == generation else {
            self.settle(ticket) { $0.machine.gaveUp() }
            return outcome != nil
        }
        KillPoint.afterCommit.pass(ticket.account.name)
        engine.journal.note(revision)
        engine.counters.renewals.count()
        let now = engine.clock.now + engine.clock.utcShift
        var settled: AccountRecord?
        let waiters = engine.state.withLock { state in
            state.settle(ticket) { record in
                record.machine.renewed(standing: successor.standing)
                record.generation = generation
                record.facts = successor.facts
                record.failure = nil
                record.dueAt = successor.dueAt
                record.awaitDelivery(to: sinks, at: now)
                settled = record
            }
        }
        if let settled {
            let kind: Change.Kind = successor.isNews ? .renewed(token) : .state
            engine.publisher.publish(
                Change(account: ticket.account, revision: revision, kind: kind),
                settled,
                sinks: sinks
            )
        }
        // After the publication: whoever waited looks into the table.
        for waiter in waiters { waiter.resume() }
        engine.pump()
        engine.logger.event(
            .refreshed,
            .info,
            "refreshed",
            [
                LogKeys.account: "\(ticket.account)", LogKeys.client: "\(ticket.client)",
                LogKeys.generation: "\(generation)",
            ]
        )
        return true
    }

    /// Judges a failed attempt, commits what follows, and tells it.
    ///
    /// `sentAt` is when the last byte was let go, nil when it never was. Returns whether nothing has to be looked at again.
    @discardableResult
    func keep(
        _ fault: AttemptFault,
        of ticket: EngineState.Ticket,
        _ client: ClientSettings,
        sentAt: Timestamp?
    ) async -> Bool {
        let engine = self.engine
        let now = engine.clock.now
        let judgement = AttemptJudge.judge(
            fault,
            machine: ticket.machine,
            habit: client.habit,
            now: now,
            sentAt: sentAt,
            phase: ticket.account.phase,
            tokenExpiresAt: ticket.facts.expiresAt
        )
        self.end(ticket, judgement.laneEffect)
        // Before anything else: what comes next may be what the daemon dies of, and the provider has been heard.
        await engine.keepLanes()
        let outcome = await self.committer.commit(
            engine.result(judgement, of: ticket.account, ticket.generation, ticket.machine)
        )
        guard case .committed(_, let revision)? = outcome else {
            self.settle(ticket) { $0.machine.gaveUp() }
            return outcome != nil
        }
        engine.journal.note(revision)
        engine.counters.countFailure(judgement.failure.cause)
        var settled: AccountRecord?
        let waiters = engine.state.withLock { state in
            state.settle(ticket) { record in
                record.machine.failed(
                    standing: judgement.standing,
                    unknownAt: judgement.unknownAt,
                    doubtfulDeathAt: judgement.doubtfulDeathAt
                )
                record.failure = judgement.failure
                record.dueAt = judgement.failure.retryAt
                settled = record
            }
        }
        if let settled {
            engine.publisher.publish(Change(account: ticket.account, revision: revision, kind: .failed), settled)
        }
        for waiter in waiters { waiter.resume() }
        engine.pump()
        engine.log(judgement, of: ticket.account, ticket.client, ticket.generation)
        return true
    }
}

extension Engine {
    /// Tells that nobody of a lane is let through for a while, and how many tokens will not last so long (facts F01).
    func laneStopped(_ client: ClientID, _ stop: LaneStop) {
        let ending = self.endingTokens(of: client, stop)
        let isAlarm = if case .massDeath = stop { true } else { false }
        self.logger.event(
            .laneStopped,
            isAlarm ? .critical : ending > 0 ? .error : .warning,
            "no refreshes for this client for now",
            [
                LogKeys.client: "\(client)", LogKeys.reason: "\(stop.sentence)",
                LogKeys.tokensEnding: "\(ending)",
            ]
        )
    }

    /// How many tokens of a client's lane end before it opens again.
    func endingTokens(of client: ClientID, _ stop: LaneStop) -> Int {
        self.state.withLock { state in
            guard let lane = state.settings.clients[client]?.client.lane else { return 0 }
            return state.endingCount(in: lane, before: stop.until)
        }
    }

    func log(_ judgement: Judgement, of account: AccountID, _ client: ClientID, _ generation: Generation) {
        let (event, level, text): (LogEvent, Logger.Level, Logger.Message) =
            switch judgement.standing {
            case .needsAuthorization: (.grantDead, .warning, "the grant is dead; a person must authorize again")
            case .misconfigured: (.clientRejected, .error, "the provider refuses this client")
            case .inDoubt: (.answerUnknown, .warning, "a refresh was sent and no answer came")
            case .retrying, .good, .static: (.refreshFailed, .notice, "the refresh failed; it is tried again")
            }
        self.logger.event(
            event,
            level,
            text,
            [
                LogKeys.account: "\(account)", LogKeys.client: "\(client)", LogKeys.generation: "\(generation)",
                LogKeys.cause: "\(judgement.failure.cause.rawValue)", LogKeys.reason: "\(judgement.failure.message)",
            ]
        )
    }
}

extension Engine {
    /// Writes down, and tells, why an account's new token is not used.
    func mark(_ account: AccountID, _ generation: Generation, _ withheld: Withheld) async {
        let failure = withheld.failure(at: self.clock.now)
        let stored = failure.shifted(by: self.clock.utcShift)
        // If it cannot be written, the standing says the same with fewer words.
        _ = try? await self.edits.submit(
            .mark(account, generation: generation, withheld.standing, stored, doubt: nil, dueAt: nil)
        )
        let record = self.state.withLock { state in
            state.update(account) { record in
                if record.generation == generation { record.failure = failure }
                return record
            }
        }
        guard let record else { return }
        self.publisher.publish(Change(account: account, revision: Revision(0), kind: .failed), record)
    }
}
