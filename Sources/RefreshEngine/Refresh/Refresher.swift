import Logging
import OAuth
import RefreshCore
import ServiceLifecycle
import Synchronization

/// Spends grants: one child task for each attempt, its steps in order.
package struct Refresher: Service {
    private let engine: Engine
    private let committer: Committer
    /// Called every few seconds while the end of service waits for attempts under way.
    private let stillBusy: @Sendable () -> Void

    package init(engine: Engine, stillBusy: @escaping @Sendable () -> Void = {}) {
        self.engine = engine
        self.stillBusy = stillBusy
        self.committer = Committer(
            store: engine.store,
            clock: engine.clock,
            counters: engine.counters,
            logger: engine.logger
        ) { [engine] in engine.storeFails($0) }
    }

    /// Runs attempts until graceful shutdown; then waits for those whose bytes have left, and for their commits.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                await withDiscardingTaskGroup { attempts in
                    for await ticket in self.engine.tickets {
                        attempts.addTask { await self.attempt(ticket) }
                    }
                    group.addTask {
                        while !Task.isCancelled {
                            self.stillBusy()
                            try? await self.engine.clock.sleep(
                                until: self.engine.clock.now + .seconds(5),
                                tolerance: nil
                            )
                        }
                    }
                }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.engine.drain()
        }
    }

    /// How an attempt ended, before it is written down.
    private enum Ending {
        case renewed(NewToken, Grant)
        /// No usable access token, but a refresh token that replaces the old one (facts F17).
        case salvaged(refreshToken: Secret, message: String, Grant)
        case failed(AttemptFault)
        /// The account is gone, or is another one now.
        case obsolete
    }

    /// One attempt, from the claim to the publication.
    private func attempt(_ ticket: EngineState.Ticket) async {
        guard let client = self.engine.state.withLock({ $0.settings.clients[ticket.client] }) else {
            self.giveUp(ticket)
            return
        }
        let startedAt = self.engine.clock.now
        let ending = await self.spend(ticket, client)
        let now = self.engine.clock.now
        switch ending {
        case .obsolete, .failed(.notSent(.held)):
            self.giveUp(ticket)
        case .failed(let fault):
            let judgement = AttemptJudge.judge(
                fault,
                machine: ticket.machine,
                habit: client.habit,
                now: now,
                phase: ticket.account.phase
            )
            self.end(ticket, judgement.laneEffect)
            await self.keep(judgement, of: ticket)
        case .renewed(let token, let grant):
            self.end(ticket, .answered)
            await self.keep(token, grant, of: ticket, client, issuedAt: startedAt)
        case .salvaged(let refreshToken, let message, let grant):
            self.end(ticket, .answered)
            await self.salvage(refreshToken, message, grant, of: ticket)
        }
    }

    /// Reads the grant, sends it, and understands the answer.
    private func spend(_ ticket: EngineState.Ticket, _ client: ClientSettings) async -> Ending {
        let engine = self.engine
        guard let strategy = client.client.profile.strategyImplementation else { return .obsolete }
        let grant: Grant
        do throws(StoreError) {
            guard try await engine.store.claim([ticket.account], for: .seconds(600)) == [ticket.account] else {
                return .obsolete
            }
            guard let opened = try await engine.openGrant(of: ticket.account) else { return .failed(.locked) }
            guard opened.generation == ticket.generation else { return .obsolete }
            grant = opened.grant
        } catch {
            if case .notFound = error { return .obsolete }
            return .failed(.unready(.storeUnavailable, message: "the store could not be read"))
        }
        let request: EndpointRequest
        do throws(RefreshRequestError) {
            request = try strategy.request(grant: grant, client: client.client)
        } catch {
            return .failed(.unready(.clientRejected, message: error.description))
        }
        engine.counters.attempts.count()
        do throws(EndpointError) {
            let answer = try await client.endpoint.send(request) { engine.mayRelease(ticket) }
            let utc = engine.clock.now + engine.clock.utcShift
            switch strategy.verdict(on: answer, grant: grant, client: client.client, now: utc) {
            case .renewed(let token):
                return .renewed(token, grant)
            case .refused(let failure, let message, let retryAfter):
                return .failed(.refused(failure, message: message, retryAfter: retryAfter))
            case .salvaged(let refreshToken, let message):
                return .salvaged(refreshToken: refreshToken, message: message, grant)
            }
        } catch {
            switch error {
            case .notSent(let reason): return .failed(.notSent(reason))
            case .unknown(let reason): return .failed(.unanswered(reason))
            }
        }
    }

    /// Frees the lane.
    private func end(_ ticket: EngineState.Ticket, _ effect: LaneEffect) {
        let now = self.engine.clock.now
        self.engine.state.withLock { $0.ended(ticket, effect, at: now) }
        self.engine.pump()
    }

    /// Nothing was sent, and nothing is written down: the account goes back to sleep and is due again.
    private func giveUp(_ ticket: EngineState.Ticket) {
        let now = self.engine.clock.now
        self.end(ticket, .abandoned)
        self.settle(ticket) { record in
            record.machine.gaveUp()
            // Replaced meanwhile: what replaced it has set its own moment.
            if record.generation == ticket.generation { record.dueAt = now + .seconds(1) }
        }
    }

    private func settle(_ ticket: EngineState.Ticket, _ change: (inout AccountRecord) -> Void) {
        let waiters = self.engine.state.withLock { $0.settle(ticket, change) }
        for waiter in waiters { waiter.resume() }
        self.engine.pump()
    }

    // MARK: Writing down what came of it

    private func keep(
        _ new: NewToken,
        _ old: Grant,
        of ticket: EngineState.Ticket,
        _ client: ClientSettings,
        issuedAt: Timestamp
    ) async {
        let engine = self.engine
        let profile = client.client.profile
        // From the moment of sending: the life of a token begins when the server made it, not when it arrived.
        let facts = TokenFacts(
            tokenType: new.tokenType,
            scope: new.scope ?? ticket.facts.scope,
            issuedAt: issuedAt,
            expiresAt: profile.lifetime(new.lifetime).map { issuedAt + $0 },
            grantExpiresAt: (new.grantLifetime ?? (new.refreshToken == nil ? nil : profile.grantLifetime))
                .map { issuedAt + $0 } ?? ticket.facts.grantExpiresAt
        )
        let grant = Grant(refreshToken: new.refreshToken ?? old.refreshToken, bindings: old.bindings)
        let dueAt = client.due(facts, of: ticket.account)
        await self.commit(new.accessToken, facts, grant, .good, dueAt, engine.sinks(of: ticket.client), of: ticket)
        for note in new.notes {
            engine.logger.notice(
                "the answer was not as it should be",
                metadata: [LogKeys.account: "\(ticket.account)", LogKeys.reason: "\(note)"]
            )
        }
    }

    /// Commits a new generation and publishes it.
    private func commit(
        _ accessToken: Secret,
        _ facts: TokenFacts,
        _ grant: Grant,
        _ standing: Standing,
        _ dueAt: Timestamp?,
        _ sinks: [SinkID],
        of ticket: EngineState.Ticket
    ) async {
        let engine = self.engine
        let generation = ticket.generation.next
        let renewal: Renewal
        do throws(SealingError) {
            renewal = try engine.renewal(
                accessToken,
                facts,
                grant,
                of: ticket.account,
                generation: generation,
                standing: standing,
                sinks: sinks
            )
        } catch {
            // Sealing needs nothing but memory and a key that is there; without it nothing may be written.
            engine.logger.critical("a new token could not be sealed", metadata: [LogKeys.account: "\(ticket.account)"])
            self.settle(ticket) { $0.machine.gaveUp() }
            return
        }
        let outcome = await self.committer.commit(
            AttemptResult(
                account: ticket.account,
                generation: ticket.generation,
                outcome: .renewed(renewal),
                dueAt: dueAt.map { $0 + engine.clock.utcShift }
            )
        )
        guard case .committed(let committed, let revision) = outcome, committed == generation else {
            self.settle(ticket) { $0.machine.gaveUp() }
            return
        }
        engine.counters.renewals.count()
        let token = Token(accessToken: accessToken, facts: facts, generation: generation)
        let now = engine.clock.now + engine.clock.utcShift
        var settled: AccountRecord?
        let waiters = engine.state.withLock { state in
            state.settle(ticket) { record in
                record.machine.renewed(standing: standing)
                record.generation = generation
                record.facts = facts
                record.failure = nil
                record.dueAt = dueAt
                record.awaitDelivery(to: sinks, at: now)
                settled = record
            }
        }
        if let settled {
            engine.publisher.publish(
                Change(account: ticket.account, revision: revision, kind: .renewed(token)),
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
    }

    /// Keeps a refresh token that came without an access token: the old access token goes on, a refresh follows soon.
    private func salvage(_ refreshToken: Secret, _ message: String, _ old: Grant, of ticket: EngineState.Ticket) async {
        let engine = self.engine
        let place = SealingPlace(
            store: engine.storeID,
            account: ticket.account,
            column: .accessToken,
            generation: ticket.generation
        )
        guard let sealed = try? await engine.store.token(for: ticket.account),
            let accessToken = try? engine.sealer.open(sealed.sealed, at: place)
        else {
            self.settle(ticket) { $0.machine.gaveUp() }
            return
        }
        engine.logger.warning(
            "the answer held a refresh token and no access token; the refresh token is kept",
            metadata: [LogKeys.account: "\(ticket.account)", LogKeys.reason: "\(message)"]
        )
        await self.commit(
            accessToken,
            ticket.facts,
            Grant(refreshToken: refreshToken, bindings: old.bindings),
            .retrying,
            engine.clock.now + RefreshWindow.floor,
            [],
            of: ticket
        )
    }

    private func keep(_ judgement: Judgement, of ticket: EngineState.Ticket) async {
        let engine = self.engine
        let shift = engine.clock.utcShift
        let outcome = await self.committer.commit(
            AttemptResult(
                account: ticket.account,
                generation: ticket.generation,
                outcome: .failed(judgement.failure.shifted(by: shift), standing: judgement.standing),
                dueAt: judgement.failure.retryAt.map { $0 + shift }
            )
        )
        guard case .committed(_, let revision) = outcome else {
            self.settle(ticket) { $0.machine.gaveUp() }
            return
        }
        engine.counters.countFailure(judgement.failure.cause)
        var settled: AccountRecord?
        let waiters = engine.state.withLock { state in
            state.settle(ticket) { record in
                record.machine.failed(standing: judgement.standing, unknownAt: judgement.unknownAt)
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
        self.log(judgement, of: ticket)
    }

    private func log(_ judgement: Judgement, of ticket: EngineState.Ticket) {
        let (event, level, text): (LogEvent, Logger.Level, Logger.Message) =
            switch judgement.standing {
            case .needsAuthorization: (.grantDead, .warning, "the grant is dead; a person must authorize again")
            case .misconfigured: (.clientRejected, .error, "the provider refuses this client")
            case .inDoubt: (.answerUnknown, .warning, "a refresh was sent and no answer came")
            case .retrying, .good, .static: (.refreshFailed, .notice, "the refresh failed; it is tried again")
            }
        self.engine.logger.event(
            event,
            level,
            text,
            [
                LogKeys.account: "\(ticket.account)", LogKeys.client: "\(ticket.client)",
                LogKeys.generation: "\(ticket.generation)", LogKeys.cause: "\(judgement.failure.cause.rawValue)",
                LogKeys.reason: "\(judgement.failure.message)",
            ]
        )
    }
}

extension Engine {
    /// The last look before the last byte leaves: the account is still this one, and what comes back could be kept.
    func mayRelease(_ ticket: EngineState.Ticket) -> Bool {
        self.state.withLock { $0.isCurrent(ticket) && !$0.isDraining && !$0.isStoreFailing }
    }
}
