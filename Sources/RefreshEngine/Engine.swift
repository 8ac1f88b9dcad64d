import KillPoints
import OAuth
package import Logging
package import RefreshCore
import Synchronization

/// What the edge may ask, and the wiring between the stages.
///
/// The engine holds the state behind one lock and talks to ports. Events go into `EngineState`, what comes out is carried
/// out here, after the lock is free.
package final class Engine: Sendable {
    package let clock: any WallClock
    package let table = TokenTable()
    package let watchers = Watchers()
    package let counters = Counters()
    /// Outbox → sinks; a service of its own.
    package let deliverer: Deliverer
    let logger: Logger
    let store: any TokenStore
    let journal: any AttemptJournal
    let sealer: any Sealer
    /// What became of the attempts of late.
    let attempts = AttemptLog()
    /// Where providers differ from their profiles.
    let drift = DriftWatch()
    let storeID: StoreID
    let state: Mutex<EngineState>
    let edits: GroupCommit<AccountEdit, CommitOutcome>
    let tickets: AsyncStream<EngineState.Ticket>
    private let acknowledgements: GroupCommit<Delivery, Void>
    let laneKeeper: LaneKeeper?
    private let ticketSource: AsyncStream<EngineState.Ticket>.Continuation
    private let wakeSource = Mutex<(any WakeSource)?>(nil)
    /// When a step of the wall clock was told last.
    private let stepToldAt = Mutex<Timestamp?>(nil)

    package init(
        settings: EngineSettings,
        store: any TokenStore,
        storeID: StoreID,
        journal: any AttemptJournal,
        sealer: any Sealer,
        clock: any WallClock,
        logger: Logger,
        lanes: (any LaneArchive)? = nil
    ) {
        self.clock = clock
        self.logger = logger
        self.store = store
        self.storeID = storeID
        self.journal = journal
        self.sealer = sealer
        self.state = Mutex(EngineState(settings: settings, now: clock.now))
        self.deliverer = Deliverer(sinks: settings.sinks, clock: clock, counters: self.counters, logger: logger)
        self.edits = GroupCommit { edits throws(StoreError) in try await store.edit(edits) }
        self.acknowledgements = GroupCommit { deliveries throws(StoreError) in
            try await store.acknowledge(deliveries)
            return deliveries.map { _ in () }
        }
        self.laneKeeper = lanes.map { LaneKeeper(archive: $0) }
        (self.tickets, self.ticketSource) = AsyncStream.makeStream()
        self.deliverer.connect(self)
    }

    /// Names what wakes the engine, once, before the accounts are loaded.
    package func connect(_ wakeSource: any WakeSource) { self.wakeSource.withLock { $0 = wakeSource } }

    var publisher: Publisher {
        Publisher(clock: self.clock, table: self.table, watchers: self.watchers, deliverer: self.deliverer) {
            self.view($0)
        }
    }

    // MARK: Schedule

    /// The timer fired, or something changed: what is due enters its lane, what may go is started, the timer is set.
    package func turn() {
        let now = self.clock.now
        // In steps, so that no reader of the state waits while a million timers come due at once.
        while self.state.withLock({ $0.isLoading || $0.isDraining ? false : $0.advance(to: now) }) {}
        self.pump()
    }

    /// Starts what may go now, and sets the timer for what may not.
    func pump() {
        let now = self.clock.now
        let wakeSource = self.wakeSource.withLock { $0 }
        let tickets = self.state.withLock { state in
            let tickets = state.pump(at: now)
            // Under the lock: of two that pump at once, the later look must not be overwritten by the earlier one.
            // Arming calls nobody back.
            wakeSource?.arm(state.nextWake(at: now))
            return tickets
        }
        for ticket in tickets { self.ticketSource.yield(ticket) }
    }

    /// What was armed has come: the same moment may be asked for again.
    func wakeSourceFired() { self.wakeSource.withLock { $0 }?.fired() }

    /// Everything is read in: the schedule begins.
    func loaded() {
        self.state.withLock { $0.isLoading = false }
        self.turn()
    }

    package var isLoading: Bool { self.state.withLock { $0.isLoading } }

    /// Whether the end of service has begun.
    var isDraining: Bool { self.state.withLock { $0.isDraining } }

    /// Attempts that have not been committed yet.
    package var attemptsInFlight: Int { self.state.withLock { $0.attemptsInFlight } }

    /// No attempt starts any more; those under way go on to their end, and `tickets` ends.
    package func drain() {
        let waiters = self.state.withLock { state in
            state.isDraining = true
            return state.takeAllWaiters()
        }
        for waiter in waiters { waiter.resume() }
        self.wakeSource.withLock { $0 }?.arm(nil)
        self.ticketSource.finish()
    }

    func storeFails(_ isFailing: Bool) {
        self.state.withLock { $0.isStoreFailing = isFailing }
        if !isFailing { self.pump() }
    }

    /// The journal refused to write an attempt down, or has taken one again (nil).
    ///
    /// Meanwhile nothing is spent that it would have to keep, but for one try a second.
    func journalFails(_ error: JournalError?) {
        let now = self.clock.now
        let isNew = self.state.withLock { state in
            let wasFailing = state.journalProbeAt != nil
            state.journalProbeAt = error == nil ? nil : now + .seconds(1)
            return wasFailing != (error != nil)
        }
        guard isNew else { return }
        switch error {
        case nil:
            self.logger.event(.journalRecovered, .notice, "the attempt journal can be written again")
            self.pump()
        case .full:
            self.logger.event(
                .journalUnavailable,
                .error,
                "the attempt journal is full; no refresh token that can be used only once is spent until there is room"
            )
        case .failed(let detail):
            self.logger.event(
                .journalUnavailable,
                .error,
                "the attempt journal cannot be written; no refresh token that can be used only once is spent meanwhile",
                [LogKeys.reason: "\(detail)"]
            )
        }
    }

    /// The wall clock was set: expiries are told anew.
    ///
    /// No deadline moves.
    package func clockStepped(by step: Duration) {
        // A clock that is fought over is told once a minute (facts D03).
        let now = self.clock.now
        let isTold = self.stepToldAt.withLock { told in
            if let before = told, now - before < .seconds(60) { return false }
            told = now
            return true
        }
        if isTold {
            self.logger.event(
                .clockStep,
                .notice,
                "the wall clock was set; deadlines are unaffected",
                ["step_ms": "\(step.milliseconds)"]
            )
        }
        self.table.retell(utcShift: self.clock.utcShift)
        // A clock that was an hour off may have made good certificates look bad.
        guard step.milliseconds.magnitude >= 3_600_000 else { return }
        self.state.withLock { $0.retryHandshakes(at: now) }
        self.turn()
    }

    // MARK: Configuration

    /// Takes a new configuration.
    ///
    /// Tokens stay, attempts under way go on, and whom only a new configuration could help is tried again.
    package func apply(_ settings: EngineSettings) async {
        let now = self.clock.now
        let old = self.state.withLock { state in
            defer { state.apply(settings, at: now) }
            return state.settings.sinks
        }
        await self.keepLanes()
        self.deliverer.apply(settings.sinks)
        let turned = settings.sinks.filter { id, sink in
            old[id].map { ($0.handoff == nil) != (sink.handoff == nil) } ?? false
        }
        // A new configuration may be what a sink that refused was waiting for.
        await self.deliverWhatIsMissing(refusedToo: true, turned: Set(turned.keys))
        self.pump()
    }

    /// Sees to it that every sink has, or gets, the token of each of its accounts: a sink may be new.
    ///
    /// - Parameters:
    ///   - refusedToo: Whether what a sink has refused is offered once more.
    ///   - turned: Sinks that are called now and were handed off to before, or the other way round.
    func deliverWhatIsMissing(refusedToo: Bool, turned: Set<SinkID> = []) async {
        let edits = self.state.withLock { state in
            let settings = state.settings
            return state.records.compactMap { record -> AccountEdit? in
                guard let record else { return nil }
                let kept = record.deliveries.filter { delivery in
                    (!refusedToo || delivery.state != .refused) && !turned.contains(delivery.sink)
                        && !Self.isMisplaced(delivery, in: settings)
                }
                let known = Set(kept.map(\.sink))
                let missing = Self.sinks(of: record.client, in: settings).filter { !known.contains($0) }
                return missing.isEmpty ? nil : .deliver(record.account, missing)
            }
        }
        var rest = edits[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(5_000))
            rest = rest.dropFirst(batch.count)
            do throws(StoreError) {
                _ = try await self.store.edit(batch)
            } catch {
                self.logger.warning("some sinks have to wait for the next token", metadata: ["cause": "\(error.label)"])
                return
            }
            for case .deliver(let account, let sinks) in batch { self.noteDeliveries(account, sinks) }
        }
    }

    /// The sinks that are given a client's tokens.
    static func sinks(of client: ClientID, in settings: EngineSettings) -> [SinkID] {
        settings.sinks.filter { $0.value.clients.contains(client) }.map(\.key).sorted()
    }

    func sinks(of client: ClientID) -> [SinkID] { self.state.withLock { Self.sinks(of: client, in: $0.settings) } }

    /// Writes down in memory what a commit has put into the outbox, and wakes the deliverer.
    func noteDeliveries(_ account: AccountID, _ sinks: [SinkID]) {
        let now = self.clock.now + self.clock.utcShift
        self.state.withLock { state in
            _ = state.update(account) { $0.awaitDelivery(to: sinks, at: now, again: true) }
        }
        for sink in sinks { self.deliverer.wake(account, sink) }
    }
}

extension AccountRecord {
    /// The outbox rows of the present generation, as the store makes them in the token's own transaction.
    ///
    /// A delivery that was on its way reads what is committed, so it may have brought this very generation already.
    ///
    /// - Parameters:
    ///   - sinks: Whom it is for.
    ///   - now: UTC.
    ///   - again: Whether a sink that has accepted this generation is to be given it once more.
    mutating func awaitDelivery(to sinks: [SinkID], at now: Timestamp, again: Bool = false) {
        for sink in sinks {
            let accepted = self.deliveries.first { $0.sink == sink }?.accepted
            if !again, accepted == self.generation { continue }
            self.deliveries.removeAll { $0.sink == sink }
            self.deliveries.append(
                Delivery(
                    account: self.account,
                    sink: sink,
                    state: .pending,
                    generation: self.generation,
                    accepted: accepted,
                    at: now,
                    failure: nil
                )
            )
        }
    }
}

// MARK: - What the deliverer asks

extension Engine: DeliverySource {
    func message(for account: AccountID, sink: SinkID) async throws(StoreError) -> SinkMessage? {
        let settings = self.state.withLock { $0.settings.sinks[sink] }
        guard let settings, let record = self.state.withLock({ $0.record(of: account) }) else { return nil }
        do throws(StoreError) {
            let sealed = try await self.store.token(for: account)
            // What is in memory has its moments right; what is stored was written under another setting of the clock, perhaps.
            let facts =
                sealed.generation == record.generation
                ? record.facts : sealed.facts.shifted(by: .zero - self.clock.utcShift)
            // Brought already by a delivery that was on its way when this one was asked for (facts T13).
            let known = record.deliveries.first { $0.sink == sink }
            if known?.state == .delivered, known?.accepted == sealed.generation { return nil }
            // What has expired would only be refused; the next generation is on its way, or nobody has one.
            if let expiresAt = facts.expiresAt, expiresAt <= self.clock.now { return nil }
            let place = SealingPlace(
                store: self.storeID,
                account: account,
                column: .accessToken,
                generation: sealed.generation
            )
            guard let accessToken = try? self.sealer.open(sealed.sealed, at: place), !accessToken.isEmpty else {
                return nil
            }
            var refreshToken: Secret?
            // The grant of some is the access token itself, which goes along already.
            let isItsOwnGrant = self.state.withLock {
                $0.settings.clients[record.client]?.client.profile.strategy.spendsAccessToken ?? false
            }
            if settings.sendsRefreshToken, !isItsOwnGrant {
                refreshToken = try await self.openGrant(of: account)?.grant.refreshToken
            }
            KillPoint.beforeDelivery.pass(account.name)
            return SinkMessage(
                account: account,
                token: Token(accessToken: accessToken, facts: facts, generation: sealed.generation),
                refreshToken: refreshToken
            )
        } catch {
            if case .notFound = error { return nil }
            throw error
        }
    }

    func delivered(_ account: AccountID, _ sink: SinkID, _ generation: Generation, _ end: DeliveryEnd) async {
        KillPoint.afterDelivery.pass(account.name)
        let now = self.clock.now + self.clock.utcShift
        let old = self.state.withLock { state in
            state.record(of: account)?.deliveries.first { $0.sink == sink }
        }
        guard var delivery = old else { return }
        delivery.at = now
        delivery.generation = Swift.max(delivery.generation, generation)
        switch end {
        case .accepted:
            delivery.state = .delivered
            delivery.accepted = generation
            delivery.failure = nil
        case .handedOff:
            delivery.state = .handoff
            delivery.accepted = generation
            delivery.failure = nil
        case .refused(let cause, let message):
            delivery.state = .refused
            delivery.failure = Failure(
                cause: cause,
                message: message,
                at: now,
                retryAt: nil,
                count: (delivery.failure?.count ?? 0) + 1
            )
        case .postponed(let cause, let message, let until):
            delivery.state = .retrying
            delivery.failure = Failure(
                cause: cause,
                message: message,
                at: now,
                retryAt: until + self.clock.utcShift,
                count: (delivery.failure?.count ?? 0) + 1
            )
        }
        // Told as what it was: of the generation that went, even when a newer one is already waiting.
        var told = delivery
        told.generation = generation
        if case .postponed = end {
            // Nothing durable has changed: the row is still to be delivered.
        } else {
            // A lost acknowledgement costs one more delivery of the same token, so it is not waited for for ever.
            do throws(StoreError) {
                try await self.acknowledgements.submit(told)
            } catch {
                self.logger.warning("a delivery could not be written down", metadata: ["cause": "\(error.label)"])
            }
        }
        let record = self.state.withLock { state in
            state.update(account) { record in
                guard let index = record.deliveries.firstIndex(where: { $0.sink == sink }) else { return record }
                if record.deliveries[index].generation > generation {
                    record.deliveries[index].accepted = delivery.accepted
                } else {
                    record.deliveries[index] = delivery
                }
                return record
            }
        }
        guard let record else { return }
        self.log(account, sink, generation, end, isNew: old?.state != .retrying)
        self.publisher.publish(Change(account: account, revision: Revision(0), kind: .delivered), record)
    }

    private func log(_ account: AccountID, _ sink: SinkID, _ generation: Generation, _ end: DeliveryEnd, isNew: Bool) {
        let facts: Logger.Metadata = [
            LogKeys.account: "\(account)", LogKeys.client: "\(account.client)", LogKeys.sink: "\(sink)",
            LogKeys.generation: "\(generation)",
        ]
        switch end {
        case .accepted:
            self.logger.event(.delivered, .info, "delivered", facts)
        case .handedOff:
            // Not the event of a delivery: that one says that the sink has acknowledged it.
            self.logger.info("handed off to the account's browser", metadata: facts)
        case .refused(let cause, let message):
            let why: Logger.Metadata = [LogKeys.cause: "\(cause.rawValue)", LogKeys.reason: "\(message)"]
            self.logger.event(.deliveryRefused, .warning, "the sink refuses the token", facts.merging(why) { $1 })
        case .postponed(let cause, let message, until: _):
            let why: Logger.Metadata = [LogKeys.cause: "\(cause.rawValue)", LogKeys.reason: "\(message)"]
            // The first of a row is news; the rest is the same story.
            self.logger.event(
                .deliveryFailed,
                isNew ? .notice : .debug,
                "the sink could not take the token; it is tried again",
                facts.merging(why) { $1 }
            )
        }
    }
}

// MARK: - Secrets

extension Engine {
    /// The grant of an account, opened for the moment of its use.
    ///
    /// - Returns: Nil when it does not open under any key.
    func openGrant(of account: AccountID) async throws(StoreError) -> (grant: Grant, generation: Generation)? {
        let sealed = try await self.store.grant(for: account)
        guard let grant = self.open(sealed, of: account) else { return nil }
        return (grant, sealed.generation)
    }

    /// Seals a token and its grant for the generation they will be, with everything else that is committed with them.
    func renewal(
        _ accessToken: Secret,
        _ facts: TokenFacts,
        _ grant: Grant,
        of account: AccountID,
        generation: Generation,
        standing: Standing,
        sinks: [SinkID]
    ) throws(SealingError) -> Renewal {
        func place(_ column: SealingPlace.Column) -> SealingPlace {
            SealingPlace(store: self.storeID, account: account, column: column, generation: generation)
        }
        return Renewal(
            facts: facts.shifted(by: self.clock.utcShift),
            sealedToken: try self.sealer.seal(accessToken.revealBytes(), at: place(.accessToken)),
            sealedGrant: try self.sealer.seal(grant.encoded(), at: place(.grant)),
            standing: standing,
            sinks: sinks
        )
    }
}
