import RefreshCore
import TimerWheel
import OAuth

/// All machines, the wheel and the lanes behind one lock; events in, what to do out.
///
/// It knows no clock, no store and no connection: `now` comes in, and what has to be done goes out as `Effects`, to be
/// carried out once the lock is free.
struct EngineState: ~Copyable, Sendable {
    /// An attempt that may begin.
    struct Ticket: Sendable {
        var slot: Int32
        var account: AccountID
        var client: ClientID
        var lane: LaneID
        var generation: Generation
        /// The account as it stood before this attempt, for the judge.
        var machine: AccountMachine
        var facts: TokenFacts
        /// Which of the client's secrets it presents.
        var secret: Int
    }

    typealias Waiter = AttemptWaiters.Waiter

    private(set) var settings: EngineSettings
    private(set) var records: [AccountRecord?] = []
    private var index: [AccountID: Int32] = [:]
    private var free: [Int32] = []
    private var wheel: TimerWheel
    var lanes: [LaneID: LaneMachine] = [:]
    /// Whether a lane has closed or opened since the lanes were kept.
    var haveLanesChanged = false
    private var order: [LaneID] = []
    /// Where the round of the lanes goes on.
    private var turn = 0
    private var inFlight = 0
    private var waiters = AttemptWaiters()
    private let origin: Timestamp
    /// Accounts are being read in: nothing starts yet.
    var isLoading = true
    /// The end of service has begun: nothing starts any more.
    var isDraining = false
    /// The store refuses commits: what cannot be kept is not spent.
    var isStoreFailing = false
    /// When the journal, which refuses writes, is tried again; nil while it is well.
    var journalProbeAt: Timestamp?
    /// Lanes whose grants are spent by use, so that their attempts need the journal.
    private var spendingLanes: Set<LaneID> = []
    var unknownLives = UnknownLives()
    /// Which secret each client presents, where it has several.
    var secrets: [ClientID: SecretChoice] = [:]
    /// Accounts that are being removed: nothing of theirs starts any more.
    private var leaving: Set<AccountID> = []

    init(settings: EngineSettings, now: Timestamp) {
        self.settings = settings
        self.origin = now
        self.wheel = TimerWheel(now: 0)
        self.configureLanes()
    }

    // MARK: Looking

    var count: Int { self.index.count }

    var attemptsInFlight: Int { self.inFlight }

    func slot(of account: AccountID) -> Int32? { self.index[account] }

    func record(of account: AccountID) -> AccountRecord? { self.index[account].flatMap { self.records[Int($0)] } }

    func laneMachine(of client: ClientID) -> LaneMachine? {
        self.settings.clients[client].flatMap { self.lanes[$0.client.lane] }
    }

    /// How many wait for the end of an account's attempt.
    func waiterCount(of account: AccountID) -> Int { self.index[account].map { self.waiters.count(at: $0) } ?? 0 }

    /// Accounts of a lane whose token ends before `moment`, and may be refreshed at all; nil for all whose token ends.
    func endingCount(in lane: LaneID, before moment: Timestamp?) -> Int {
        self.records.reduce(0) { count, record in
            guard let record, let expiresAt = record.facts.expiresAt, self.lane(of: record) == lane,
                moment.map({ expiresAt < $0 }) ?? true
            else { return count }
            switch record.machine.standing {
            case .good, .retrying, .inDoubt, .misconfigured: return count + 1
            case .needsAuthorization, .static: return count
            }
        }
    }

    /// Accounts whose timer is set to a moment before `moment`.
    func dueCount(before moment: Timestamp) -> Int {
        self.records.reduce(0) { $0 + ($1?.dueAt.map { $0 < moment } == true ? 1 : 0) }
    }

    /// The earliest timer of all.
    var nextDue: Timestamp? {
        guard let tick = self.wheel.nextDeadline else { return nil }
        return self.moment(tick)
    }

    /// When the wheel or a closed lane next has something to do; nil while there is nothing.
    func nextWake(at now: Timestamp) -> Timestamp? {
        guard !self.isLoading, !self.isDraining else { return nil }
        guard let tick = self.wheel.nextTick else { return self.laneWake }
        guard let laneWake else { return self.moment(tick) }
        return Swift.min(self.moment(tick), laneWake)
    }

    /// When the first closed lane with somebody in it opens; known since the last `pump`.
    private var laneWake: Timestamp?

    // MARK: Accounts come and go

    /// Adds an account, or replaces what is known of it.
    ///
    /// - Returns: Who waited for an attempt that is not needed any more.
    mutating func adopt(_ record: AccountRecord) -> [Waiter] {
        if let slot = self.index[record.account] {
            var record = record
            // An attempt that is under way goes on; the store's generations decide which token stays.
            if let present = self.records[Int(slot)], present.machine.phase != .asleep {
                // What failed before belongs to the old grant; who only waits in a lane has nothing to wait for any more.
                record.machine.takePhase(of: present.machine)
                record.machine.calledBack()
            }
            self.records[Int(slot)] = record
            self.schedule(slot)
            return record.machine.phase == .asleep ? self.waiters.takeAll(at: slot) : []
        }
        let slot: Int32
        if let reused = self.free.popLast() {
            slot = reused
            self.records[Int(slot)] = record
        } else {
            slot = Int32(self.records.count)
            self.records.append(record)
        }
        self.index[record.account] = slot
        if let lane = self.lane(of: record) { self.lanes[lane]?.grants += 1 }
        self.schedule(slot)
        return []
    }

    /// Adds an account that was read from the store, unless a newer state of it is here already.
    ///
    /// - Returns: Whether it was added.
    mutating func adoptLoaded(_ record: AccountRecord) -> Bool {
        // Adopted early, for its grace runs out (see `InDoubt`), and perhaps refreshed since the row was read.
        guard self.index[record.account] == nil else { return false }
        _ = self.adopt(record)
        return true
    }

    mutating func reserve(_ count: Int) {
        self.records.reserveCapacity(count)
        self.index.reserveCapacity(count)
    }

    /// Begins the removal of an account, or calls it off: no attempt of it starts meanwhile.
    mutating func leave(_ account: AccountID, _ isLeaving: Bool) {
        guard !isLeaving else {
            self.leaving.insert(account)
            return
        }
        self.leaving.remove(account)
        // It may have come to the head of its lane and been passed over.
        _ = self.update(account) { $0.machine.calledBack() }
    }

    /// Takes an account out.
    ///
    /// An attempt under way finds nobody when it ends.
    mutating func remove(_ account: AccountID) -> [Waiter] {
        guard let slot = self.index.removeValue(forKey: account) else { return [] }
        if let record = self.records[Int(slot)], let lane = self.lane(of: record) { self.lanes[lane]?.grants -= 1 }
        self.records[Int(slot)] = nil
        _ = self.wheel.remove(slot)
        self.free.append(slot)
        return self.waiters.takeAll(at: slot)
    }

    /// Changes a record in place and sets its timer anew.
    mutating func update<R>(_ account: AccountID, _ change: (inout AccountRecord) -> R) -> R? {
        guard let slot = self.index[account], var record = self.records[Int(slot)] else { return nil }
        // Out of the array while it is changed, so that nothing of it is copied.
        self.records[Int(slot)] = nil
        let result = change(&record)
        self.records[Int(slot)] = record
        self.schedule(slot)
        return result
    }

    /// Stops an account's schedule, or lets it go on.
    ///
    /// - Returns: Who waited for an attempt that will not come now.
    mutating func pause(_ account: AccountID, _ isPaused: Bool, at now: Timestamp) -> (AccountRecord?, [Waiter]) {
        let record = self.update(account) { record in
            record.machine.isPaused = isPaused
            if isPaused {
                record.machine.calledBack()
            } else if record.machine.standing == .misconfigured || record.dueAt == nil,
                record.machine.standing != .static
            {
                // Whoever resumes an account wants it looked at, also one that was waiting for a person.
                record.dueAt = now
            }
            return record
        }
        guard let record, record.machine.phase == .asleep, let slot = self.index[account] else { return (record, []) }
        return (record, self.waiters.takeAll(at: slot))
    }

    /// Sets the timer of an account by its due moment, or takes it out of the wheel.
    private mutating func schedule(_ slot: Int32) {
        guard let record = self.records[Int(slot)], record.machine.phase == .asleep, !record.machine.isPaused,
            self.settings.clients[record.client] != nil, let dueAt = record.dueAt
        else {
            _ = self.wheel.remove(slot)
            return
        }
        self.wheel.insert(slot, at: self.tick(dueAt))
    }

    // MARK: Time

    /// Lets time pass up to `now`: accounts that fall due enter their lanes.
    ///
    /// - Returns: Whether more is due; call again once the lock was free for a moment.
    mutating func advance(to now: Timestamp) -> Bool {
        var due: [Int32] = []
        let isMore = self.wheel.advance(to: self.tick(now), into: &due)
        for slot in due {
            guard var record = self.records[Int(slot)] else { continue }
            let action = record.machine.due()
            self.records[Int(slot)] = record
            if action == .enqueue { self.enqueue(slot, .schedule) }
        }
        return isMore
    }

    /// Somebody asks for a refresh now.
    ///
    /// - Returns: False when there is nothing to refresh.
    mutating func ask(_ account: AccountID) -> Bool {
        guard let slot = self.index[account], var record = self.records[Int(slot)],
            self.settings.clients[record.client] != nil
        else { return false }
        let action = record.machine.asked()
        self.records[Int(slot)] = record
        if action == .enqueue {
            _ = self.wheel.remove(slot)
            self.enqueue(slot, .asked)
        }
        return record.machine.phase != .asleep
    }

    private mutating func enqueue(_ slot: Int32, _ demand: LaneDemand) {
        guard let record = self.records[Int(slot)], let client = self.settings.clients[record.client] else { return }
        let spends = client.habit.rotation.spends
        self.lanes[client.client.lane]?.enqueue(
            slot,
            expiresAt: record.facts.expiresAt,
            grantExpiresAt: record.facts.grantExpiresAt,
            demand: spends && record.machine.unknowns > 0 ? .replay : demand,
            isRetry: record.machine.failures > 0,
            spends: spends
        )
    }

    // MARK: Attempts

    /// Takes what may start now out of the lanes: one from each in turn, so that no lane starves another.
    mutating func pump(at now: Timestamp) -> [Ticket] {
        self.laneWake = nil
        // While accounts are read in, nobody is queued but those whose grace runs out.
        guard !self.isDraining, !self.isStoreFailing, !self.order.isEmpty else { return [] }
        var tickets: [Ticket] = []
        var idle = 0
        while idle < self.order.count, self.inFlight < self.settings.maximumInFlight {
            let lane = self.order[self.turn]
            self.turn = (self.turn + 1) % self.order.count
            // One attempt a second finds out whether the journal can be written again.
            let needsJournal = self.journalProbeAt != nil && self.spendingLanes.contains(lane)
            if needsJournal, let probeAt = self.journalProbeAt, probeAt > now {
                if self.lanes[lane]?.queued ?? 0 > 0 {
                    self.laneWake = self.laneWake.map { Swift.min($0, probeAt) } ?? probeAt
                }
                idle += 1
                continue
            }
            // One lane alone must not take every place there is (facts K03).
            if let busy = self.lanes[lane]?.inFlight, self.order.count > 1, busy >= self.settings.maximumInFlight / 2 {
                idle += 1
                continue
            }
            switch self.lanes[lane]?.next(at: now) ?? .idle {
            case .idle:
                idle += 1
            case .wait(let until):
                self.laneWake = self.laneWake.map { Swift.min($0, until) } ?? until
                idle += 1
            case .send(let slot):
                idle = 0
                guard let ticket = self.start(slot, lane: lane) else {
                    self.lanes[lane]?.skipped(slot)
                    continue
                }
                self.inFlight += 1
                tickets.append(ticket)
                if needsJournal { self.journalProbeAt = now + .seconds(1) }
            }
        }
        return tickets
    }

    /// Marks a queued account as under way; nil when it is not waiting (any more).
    private mutating func start(_ slot: Int32, lane: LaneID) -> Ticket? {
        guard var record = self.records[Int(slot)], let client = self.settings.clients[record.client],
            client.client.lane == lane, !self.leaving.contains(record.account), record.machine.started()
        else { return nil }
        self.records[Int(slot)] = record
        return Ticket(
            slot: slot,
            account: record.account,
            client: record.client,
            lane: lane,
            generation: record.generation,
            machine: record.machine,
            facts: record.facts,
            secret: self.secrets[record.client]?.number ?? 0
        )
    }

    /// Whether the account is still the one the ticket speaks of.
    func isCurrent(_ ticket: Ticket) -> Bool {
        self.records[Int(ticket.slot)].map { $0.account == ticket.account && $0.machine.phase == .inFlight } ?? false
    }

    /// The request is over: the lane is free for the next one, the account waits for its commit.
    ///
    /// - Returns: Why its lane has stopped, if this end stopped it.
    mutating func ended(_ ticket: Ticket, _ effect: LaneEffect, at now: Timestamp) -> LaneStop? {
        self.inFlight -= 1
        let before = self.lanes[ticket.lane]?.closure
        let stop = self.lanes[ticket.lane]?.ended(effect, of: ticket.slot, at: now)
        if self.lanes[ticket.lane]?.closure != before { self.haveLanesChanged = true }
        if self.isCurrent(ticket) { self.records[Int(ticket.slot)]?.machine.ended() }
        return stop ?? nil
    }

    /// A person lets a client's lane go on.
    mutating func releaseLane(of client: ClientID) {
        guard let lane = self.settings.clients[client]?.client.lane else { return }
        self.lanes[lane]?.release()
        self.haveLanesChanged = true
    }

    private func lane(of record: AccountRecord) -> LaneID? { self.settings.clients[record.client]?.client.lane }

    /// What became of the attempt is durable, or will never be: the account sleeps again, whoever waited is told.
    ///
    /// `change` changes the record; it is not called when the account is gone, or another one has its place.
    mutating func settle(_ ticket: Ticket, _ change: (inout AccountRecord) -> Void) -> [Waiter] {
        guard self.records[Int(ticket.slot)]?.account == ticket.account else { return [] }
        _ = self.update(ticket.account, change)
        return self.waiters.takeAll(at: ticket.slot)
    }

    // MARK: Waiting for an attempt

    /// Registers somebody who waits for the end of the account's attempt.
    ///
    /// - Returns: Its number, with which it may leave; nil when nothing is under way to wait for.
    mutating func wait(for account: AccountID, _ waiter: Waiter) -> Int? {
        guard let slot = self.index[account], let record = self.records[Int(slot)], record.machine.phase != .asleep
        else {
            return nil
        }
        return self.waiters.add(waiter, at: slot)
    }

    /// Takes back one who does not want to wait any longer.
    mutating func leave(_ account: AccountID, _ number: Int) -> Waiter? {
        guard let slot = self.index[account] else { return nil }
        return self.waiters.remove(number, at: slot)
    }

    /// Lets everybody go who waits, at the end of service.
    mutating func takeAllWaiters() -> [Waiter] { self.waiters.takeAll() }

    // MARK: Configuration

    /// Takes a new configuration: lanes are opened, and accounts that only it could help are tried again.
    mutating func apply(_ settings: EngineSettings, at now: Timestamp) {
        self.settings = settings
        self.secrets = [:]
        self.configureLanes()
        for lane in self.lanes.keys { self.lanes[lane]?.grants = 0 }
        for slot in self.records.indices {
            guard var record = self.records[slot] else { continue }
            if let lane = self.lane(of: record) { self.lanes[lane]?.grants += 1 }
            if record.machine.phase == .queued {
                record.machine.calledBack()
                record.dueAt = now
            }
            if record.machine.standing == .misconfigured {
                record.dueAt = now
            } else if record.machine.standing == .good, record.dueAt != now {
                record.dueAt = settings.clients[record.client]?.due(record.facts, of: record.account) ?? record.dueAt
            } else if record.machine.standing == .static {
                record.dueAt = record.facts.expiresAt
            }
            self.records[slot] = record
            self.schedule(Int32(slot))
        }
    }

    private mutating func configureLanes() {
        var lanes: [LaneID: LaneMachine] = [:]
        for client in self.settings.clients.values {
            let lane = client.client.lane
            var machine =
                self.lanes[lane] ?? LaneMachine(limits: client.limits, phase: AccountID.phase(of: lane.clientID))
            machine.reconfigure(client.limits)
            lanes[lane] = machine
        }
        // A lane with requests under way stays until they end, or it would be opened anew beside them.
        for (lane, machine) in self.lanes where lanes[lane] == nil && machine.inFlight > 0 { lanes[lane] = machine }
        self.lanes = lanes
        self.haveLanesChanged = true
        self.spendingLanes = Set(
            self.settings.clients.values.filter { $0.habit.rotation.spends }.map(\.client.lane)
        )
        self.order = lanes.keys.sorted { ($0.endpoint, $0.clientID) < ($1.endpoint, $1.clientID) }
        self.turn = 0
    }

    // MARK: Ticks

    // One tick is a millisecond since the engine was made.
    private func tick(_ moment: Timestamp) -> UInt64 {
        UInt64(Swift.max((moment - self.origin).milliseconds, 0))
    }

    private func moment(_ tick: UInt64) -> Timestamp {
        self.origin + .milliseconds(Int64(clamping: tick))
    }
}
