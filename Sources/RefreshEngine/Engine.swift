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
    let acknowledgements: GroupCommit<Delivery, Void>
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
