import KillPoints
import Logging
import OAuth
import RefreshCore
import ServiceLifecycle
import Synchronization

/// Spends grants: one child task for each attempt, its steps in order.
package struct Refresher: Service {
    let engine: Engine
    let committer: Committer
    /// Called every few seconds while the end of service waits for attempts under way.
    private let stillBusy: @Sendable () -> Void

    package init(engine: Engine, stillBusy: @escaping @Sendable () -> Void = {}) {
        self.engine = engine
        self.stillBusy = stillBusy
        self.committer = Committer(
            store: engine.store,
            clock: engine.clock,
            counters: engine.counters,
            logger: engine.logger,
            isEnding: { [engine] in engine.isDraining }
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
            await self.engine.keepLanes(evenUnchanged: true)
            self.engine.tellUnansweredAtEnd()
        } onGracefulShutdown: {
            self.engine.drain()
        }
    }

    /// Why an attempt ends before anything is sent.
    private enum Stop: Error {
        /// The account is gone, or is another one now.
        case obsolete
        /// The intent could not be written down, so nothing may be spent.
        case unwritten
        case failed(AttemptFault)
    }

    /// One attempt, step by step.
    ///
    /// The numbers are those of the steps in facts section 3, which says what may be lost between any two.
    private func attempt(_ ticket: EngineState.Ticket) async {
        let name = ticket.account.name
        let startedAt = self.engine.clock.now
        KillPoint.beforeClaim.pass(name)
        guard let client = self.engine.state.withLock({ $0.client(of: ticket) }) else {
            return self.giveUp(ticket)
        }
        guard !(await self.isSettledUnasked(ticket, client)),
            let strategy = client.client.profile.strategyImplementation
        else { return }

        let grant: Grant
        let request: EndpointRequest
        let slot: JournalSlot?
        do throws(Stop) {
            // 1: the grant is in memory from here to the commit, and no longer.
            grant = try await self.claim(ticket)
            KillPoint.afterClaim.pass(name)
            request = try self.request(grant, ticket.facts, strategy, client)
            // 2, 3: what nobody could write down is not spent.
            slot = try await self.writeIntent(of: ticket, grant, client)
            KillPoint.afterIntent.pass(name)
            await self.engine.keepLane(before: ticket)
        } catch {
            switch error {
            case .obsolete:
                self.giveUp(ticket)
                await self.catchUp(ticket)
            case .unwritten: self.giveUp(ticket)
            case .failed(let fault): await self.keep(fault, of: ticket, client, sentAt: nil)
            }
            return
        }

        // 4 to 7: to the last byte but one, the last look, the mark, the last byte, the answer into its slot.
        let sentAt = Mutex<Timestamp?>(nil)
        let exchange = await self.exchange(request, of: ticket, client, slot) { moment in
            sentAt.withLock { $0 = moment }
        }
        let releasedAt = sentAt.withLock { $0 }
        // 8: only now does anybody look into it.
        KillPoint.whileParsing.pass(name)
        let utc = self.engine.clock.now + self.engine.clock.utcShift
        let isReplay = client.habit.rotation.spends && ticket.machine.unknowns > 0
        let verdict = exchange.map { answer in
            let verdict = strategy.verdict(on: answer, grant: grant, client: client.client, now: utc)
            return isReplay ? verdict.ifRepeated(to: grant) : verdict
        }
        KillPoint.afterParse.pass(name)
        self.engine.attempts.note(ticket, startedAt, sentAt: releasedAt, endedAt: self.engine.clock.now, verdict)

        // 9, 10: one transaction, and after it whoever waits is told.
        let isSettled: Bool
        switch verdict {
        case .success(.renewed(let token)):
            self.engine.state.withLock { $0.acceptedSecret(of: ticket) }
            self.end(ticket, .answered)
            self.engine.drift.notice(token, client, at: self.engine.clock.now, self.engine.logger)
            isSettled = await self.keep(token, grant, of: ticket, client, issuedAt: releasedAt ?? startedAt)
        case .success(.salvaged(let refreshToken, let message)):
            self.end(ticket, .answered)
            isSettled = await self.salvage(refreshToken, nil, message, grant, of: ticket)
        case .success(.refused(.clientRejected, _, _)) where self.engine.turnsToNextSecret(after: ticket):
            self.giveUp(ticket)
            isSettled = true
        case .success(.refused(let failure, let message, let retryAfter)):
            let fault = AttemptFault.refused(failure, message: message, retryAfter: retryAfter)
            isSettled = await self.keep(fault, of: ticket, client, sentAt: releasedAt)
        case .failure(.notSent(.held)):
            self.giveUp(ticket)
            isSettled = true
        case .failure(.notSent(let reason)):
            isSettled = await self.keep(.notSent(reason), of: ticket, client, sentAt: nil)
        case .failure(.unknown(let reason)):
            isSettled = await self.keep(.unanswered(reason), of: ticket, client, sentAt: releasedAt)
        }
        KillPoint.afterPublish.pass(name)
        await self.engine.keepLanes()
        // 11: what could not be settled stays in its slot, and is looked at again at the next start.
        if let slot, isSettled { self.engine.journal.free([slot]) }
        KillPoint.afterFree.pass(name)
    }

    /// The store may be ahead of what is known: of an edit that was told as failed, and yet is on disk.
    private func catchUp(_ ticket: EngineState.Ticket) async {
        do throws(StoreError) {
            Loader(engine: self.engine).takeOver(try await self.engine.store.account(ticket.account))
        } catch {
            guard case .notFound = error else { return }
            self.engine.drop(ticket.account, ticket.generation)
        }
    }

    // MARK: The steps before the answer

    private func claim(_ ticket: EngineState.Ticket) async throws(Stop) -> Grant {
        let engine = self.engine
        let isOurs: Bool
        let opened: (grant: Grant, generation: Generation)?
        do throws(StoreError) {
            isOurs = try await engine.store.claim([ticket.account], for: .seconds(600)) == [ticket.account]
            opened = isOurs ? try await engine.openGrant(of: ticket.account) : nil
        } catch {
            if case .notFound = error { throw .obsolete }
            throw .failed(.unready(.storeUnavailable, message: "the store could not be read"))
        }
        guard isOurs else { throw .obsolete }
        guard let opened else { throw .failed(.locked) }
        guard opened.generation == ticket.generation else { throw .obsolete }
        return opened.grant
    }

    private func request(
        _ grant: Grant,
        _ facts: TokenFacts,
        _ strategy: any RefreshStrategy,
        _ client: ClientSettings
    ) throws(Stop) -> EndpointRequest {
        do throws(RefreshRequestError) {
            return try strategy.request(grant: grant, facts: facts, client: client.client)
        } catch {
            // There never was one: the token is over, and nobody is misconfigured.
            if error == .noRefreshToken { throw .failed(.expired) }
            throw .failed(.unready(.clientRejected, message: error.description))
        }
    }

    /// Nil for grants that nothing is spent of: classes N and M have nothing at stake.
    private func writeIntent(
        of ticket: EngineState.Ticket,
        _ grant: Grant,
        _ client: ClientSettings
    ) async throws(Stop) -> JournalSlot? {
        let engine = self.engine
        guard client.habit.rotation.spends, let refreshToken = grant.refreshToken else { return nil }
        let intent = AttemptIntent(
            account: ticket.account,
            generation: ticket.generation,
            number: ticket.machine.unknowns + 1,
            fingerprint: engine.sealer.fingerprint(of: refreshToken),
            startedAt: engine.clock.now + engine.clock.utcShift
        )
        do throws(JournalError) {
            let slot = try await engine.journal.begin(intent, isDurable: client.habit.isReplayDangerous)
            engine.journalFails(nil)
            return slot
        } catch {
            engine.journalFails(error)
            throw .unwritten
        }
    }

    private func exchange(
        _ request: EndpointRequest,
        of ticket: EngineState.Ticket,
        _ client: ClientSettings,
        _ slot: JournalSlot?,
        sent: @escaping @Sendable (Timestamp) -> Void
    ) async -> Result<RawAnswer, EndpointError> {
        let engine = self.engine
        let name = ticket.account.name
        engine.counters.attempts.count()
        let answer: RawAnswer
        do throws(EndpointError) {
            answer = try await client.endpoint.send(request) {
                // 5: the last look, then the mark; a crash between mark and byte counts as sent, the safe side.
                guard engine.mayRelease(ticket) else { return false }
                let now = engine.clock.now
                if let slot {
                    do throws(JournalError) {
                        try engine.journal.markSent(slot, at: now + engine.clock.utcShift)
                    } catch {
                        engine.journalFails(error)
                        return false
                    }
                }
                sent(now)
                KillPoint.afterSentMark.pass(name)
                return true
            }
        } catch {
            return .failure(error)
        }
        KillPoint.afterAnswer.pass(name)
        guard let slot else { return .success(answer) }
        do throws(JournalError) {
            // 6, 7: safe from the death of the process, then from the loss of power.
            try engine.journal.keep(answer, in: slot)
            KillPoint.afterKeep.pass(name)
            try await engine.journal.sync(slot)
            KillPoint.afterSync.pass(name)
        } catch {
            // It is in memory still, and goes to the store at once; nothing else is spent meanwhile.
            engine.journalFails(error)
        }
        return .success(answer)
    }
}

extension RotationHabit {
    /// Whether sending a refresh token again, not knowing what became of it, can hurt other grants (facts, section 3, step 3).
    var isReplayDangerous: Bool { self.rotation == .unknown || (self.rotation.spends && self.blast == .clientUser) }
}

extension Engine {
    /// Tells how many refreshes are left to the next start, for the provider has not answered (facts I05).
    fileprivate func tellUnansweredAtEnd() {
        let count = self.state.withLock { state in
            state.records.count { $0?.machine.standing == .inDoubt && $0?.dueAt != nil }
        }
        guard count > 0 else { return }
        self.logger.event(
            .answerUnknown,
            .warning,
            "stopped before the provider had answered; the next start sees to what was sent",
            ["refreshes": "\(count)"]
        )
    }

    /// The last look before the last byte leaves: the account is still this one, and what comes back could be kept.
    func mayRelease(_ ticket: EngineState.Ticket) -> Bool {
        self.state.withLock { state in
            // A person may have put another grant meanwhile: the one that was claimed is not sent any more.
            state.isCurrent(ticket) && state.record(of: ticket.account)?.generation == ticket.generation
                && !state.isDraining && !state.isStoreFailing
        }
    }
}
