import RefreshCore
@testable import RefreshEngine
import TestSupport
import Synchronization

/// One seed from its first event to its last, on the calling thread.
struct SimulatedRun {
    /// What came of it.
    struct Report: Sendable {
        var violations: [String]
        var trace: [String]
        var simulated: Duration
        var tally: World.Tally
    }

    private enum Errand: CaseIterable {
        case kill, stop, suspend, clockStep, put, remove, pause, refresh, deliver, reload, lane, store, journal
        case sink, revoke, read
    }

    /// Kills and readings more often than the rest.
    private static let errands = Errand.allCases + [.kill, .kill, .read]

    private let world: World
    private let executor: PumpedExecutor
    private let disk = InMemoryStore()
    private var journal = InMemoryJournal()
    private let sealer = ClearSealer()
    private let begin: Timestamp
    private var life: Life
    private var now: Timestamp
    private var utcShift: Duration = .zero
    private var nextErrand: Timestamp
    /// Ends of outages, the earliest last.
    private var ends: [(at: Timestamp, what: Repair)] = []
    /// Jobs until the process is killed, counted while a request is under way.
    private var fuse: Int?
    private var isFuseLit = false
    /// How far the daemon's clock is behind; zero unless it is broken on purpose.
    private var lag: Duration = .zero
    private var stopBy: Timestamp?
    private var restartAt: Timestamp?

    private enum Repair {
        case lane(Int)
        case store, journal, sink
    }

    /// - Parameters:
    ///   - seed: Decides everything.
    ///   - isTraced: Whether the report tells what happened.
    ///   - flaw: What is broken on purpose.

    static func run(
        seed: UInt64,
        isTraced: Bool = false,
        flaw: Flaw? = nil
    ) throws -> Report {
        var run = try SimulatedRun(try World(seed: seed, isTraced: isTraced, flaw: flaw), seed: seed)
        return try run.play()
    }

    private init(_ world: World, seed: UInt64) throws {
        self.world = world
        self.executor = PumpedExecutor(seed: ~seed)
        self.now = world.state.withLock { $0.now }
        self.begin = self.now
        self.nextErrand = self.now
        self.life = try Life(
            world: world,
            executor: self.executor,
            disk: self.disk,
            journal: self.journal,
            sealer: self.sealer,
            now: self.now,
            utcShift: .zero
        )
    }

    private mutating func play() throws -> Report {
        self.life.start()
        self.pump()
        let beginning = self.begin + .seconds(10)
        self.nextErrand = beginning
        while self.life.engine.isLoading, self.now < beginning, self.isSound { try self.step(until: beginning) }
        for number in self.world.accounts.indices { self.put(number) }
        self.pump()
        let end = self.begin + self.world.climate.span
        self.nextErrand = self.now + self.pause()
        while self.now < end, self.isSound { try self.step(until: end) }
        try self.calmDown()
        let simulated = self.now - self.begin
        self.endLife()
        if self.executor.foreigners > 0 { self.world.violate("a job came from another thread: no seed would replay") }
        return self.world.state.withLock { state in
            Report(violations: state.violations, trace: state.trace, simulated: simulated, tally: state.tally)
        }
    }

    private var isSound: Bool { self.world.state.withLock { $0.violations.isEmpty } }

    // MARK: Events

    /// The next thing that happens, whatever it is.
    private mutating func step(until end: Timestamp) throws {
        var next = min(end, self.nextErrand)
        if let last = self.ends.last { next = min(next, last.at) }
        if let stopBy { next = min(next, stopBy) }
        if let restartAt { next = min(next, restartAt) }
        let sleeper = self.life.clock.nextDeadline.map { $0 + self.lag }
        let armed = self.life.clock.armed.map { $0 + self.lag }
        if let sleeper { next = min(next, sleeper) }
        if let armed { next = min(next, armed) }
        self.setTime(max(next, self.now))

        if let restartAt, restartAt <= self.now {
            try self.restart()
        } else if let stopBy, stopBy <= self.now || !self.life.isRunning {
            self.end()
        } else if let repair = self.ends.last, repair.at <= self.now {
            self.ends.removeLast()
            self.repair(repair.what)
        } else if let sleeper, sleeper <= self.now {
            self.life.clock.wakeNext()
        } else if let armed, armed <= self.now {
            self.life.engine.wake()
        } else if self.nextErrand <= self.now {
            self.nextErrand = self.now + self.pause()
            if self.stopBy == nil, self.restartAt == nil { try self.runErrand() }
        }
        self.pump()
    }

    private mutating func setTime(_ now: Timestamp) {
        self.now = now
        self.life.clock.now = now - self.lag
        self.world.state.withLock { $0.now = now }
    }

    /// Lets the process do what it can at this moment, then looks at it.
    private mutating func pump() {
        var jobs = 0
        while self.executor.step() {
            jobs += 1
            if jobs > 200_000 {
                self.world.violate("the process is busy for ever at one moment")
                return
            }
            guard let fuse, self.restartAt == nil else { continue }
            let (isUnderWay, isWriting) = self.world.state.withLock { (!$0.requests.isEmpty, $0.isWriting) }
            self.isFuseLit = self.isFuseLit || isUnderWay
            guard self.isFuseLit, !isWriting else { continue }
            self.fuse = fuse - 1
            if fuse <= 0 {
                self.world.trace("killed")
                self.world.tally { $0.kills += 1 }
                self.end()
                return
            }
        }
        guard self.restartAt == nil else { return }
        if self.life.hasFailed { self.end() } else { self.world.inspect(self.life.engine) }
    }

    // MARK: Lives

    private mutating func end() {
        self.endLife()
        self.fuse = nil
        self.isFuseLit = false
        self.stopBy = nil
        let isLong = self.world.draw { Int.random(in: 0..<8, using: &$0) } == 0
        let wait = self.world.draw { Int64.random(in: isLong ? 60_000...7_200_000 : 100...5_000, using: &$0) }
        self.restartAt = self.now + .milliseconds(wait)
    }

    private func endLife() {
        self.world.crash(hasJournal: true)
        self.life.kill()
        var jobs = 0
        while self.life.isRunning, self.executor.step() {
            jobs += 1
            if jobs > 200_000 { break }
        }
        self.world.state.withLock { state in
            state.isBetweenLives = false
            state.isWriting = false
            state.requests = []
        }
        if self.life.isRunning { self.world.violate("a process that is over goes on") }
        let leaks = self.life.log.leaks.count
        if leaks > 0 { self.world.violate("V8: \(leaks) log entries hold a secret") }
    }

    private mutating func restart() throws {
        self.restartAt = nil
        self.lag = .zero
        self.world.trace("started")
        self.world.restart()
        // Now and then the machine went down with it.
        self.journal = self.journal.afterRestart(isSameBoot: self.world.draw { Int.random(in: 0..<4, using: &$0) } > 0)
        self.life = try Life(
            world: self.world,
            executor: self.executor,
            disk: self.disk,
            journal: self.journal,
            sealer: self.sealer,
            now: self.now,
            utcShift: self.utcShift
        )
        self.life.start()
    }

    // MARK: Errands

    private func pause() -> Duration {
        let share = self.world.draw { Double.random(in: 0...2, using: &$0) }
        return self.world.climate.pace.scaled(by: share) + .milliseconds(1)
    }

    /// For how long something is out of order.
    private func outage() -> Duration {
        let pace = self.world.climate.pace
        let share = self.world.draw { Double.random(in: 0...1, using: &$0) }
        return min(pace, .seconds(14_400)).scaled(by: share * share)
    }

    private mutating func runErrand() throws {
        let (errand, number) = self.world.draw { random in
            (
                Self.errands.randomElement(using: &random) ?? .read,
                Int.random(in: 0..<self.world.accounts.count, using: &random)
            )
        }
        let account = self.world.accounts[number]
        let engine = self.life.engine
        self.world.trace("errand: \(errand) \(account)")
        switch errand {
        case .kill:
            self.fuse = self.fuse ?? self.world.draw { Int.random(in: 0..<60, using: &$0) }
        case .stop:
            self.world.tally { $0.stops += 1 }
            self.stopBy = self.now + .seconds(90)
            self.life.stop()
        case .suspend:
            self.suspend(for: self.outage())
            // At once when the host wakes, before anything else has had its turn.
            self.read(account)
        case .clockStep:
            let step = self.world.draw { Int64.random(in: -86_400...86_400, using: &$0) }
            self.utcShift += .seconds(step)
            self.life.clock.utcShift = self.utcShift
            self.world.state.withLock { $0.utcShift += .seconds(step) }
            engine.clockStepped(by: .seconds(step))
        case .put:
            self.put(number)
        case .remove:
            self.life.visit(account) { try? await engine.remove(account, revoke: false) }
        case .pause:
            let isPaused = self.world.draw { Bool.random(using: &$0) }
            if !isPaused { self.noteAsked(number) }
            self.life.visit(account) { _ = try? await engine.pause(account, isPaused) }
        case .refresh:
            self.noteAsked(number)
            self.life.visit(account) { _ = try? await engine.refresh(account) }
        case .deliver:
            self.life.visit(account) { _ = try? await engine.deliver(account, sink: nil) }
        case .reload:
            let settings = try Life.settings(self.world, self.life.clock)
            self.world.reload()
            self.life.run { await engine.apply(settings) }
        case .lane:
            let lane = self.world.climate.accounts[number]
            let weather = self.world.draw { LaneWeather.allCases.randomElement(using: &$0) ?? .clear }
            self.world.state.withLock { state in
                state.lanes[lane].weather = weather
                state.lanes[lane].troubles.append(state.now)
            }
            self.world.trace("p\(lane) is \(weather)")
            self.plan(.lane(lane))
        case .store:
            let weather = self.world.draw { StoreWeather.allCases.randomElement(using: &$0) ?? .clear }
            self.world.state.withLock { state in
                state.storeWeather = weather
                state.troubles.append(state.now)
            }
            self.world.trace("the store is \(weather)")
            self.plan(.store)
        case .journal:
            let weather = self.world.draw { JournalWeather.allCases.randomElement(using: &$0) ?? .clear }
            self.world.state.withLock { state in
                state.journalWeather = weather
                state.troubles.append(state.now)
            }
            self.world.trace("the journal is \(weather)")
            self.plan(.journal)
        case .sink:
            self.world.state.withLock { $0.isSinkAway = true }
            self.plan(.sink)
        case .revoke:
            self.world.state.withLock { state in
                guard let row = state.rows[number] else { return }
                state.ledger.revoke(line: state.ledger.issues[row.refresh].line)
            }
        case .read:
            self.read(account)
        }
    }

    private func noteAsked(_ number: Int) {
        self.world.state.withLock { state in
            guard let row = state.rows[number] else { return }
            state.asked.insert(row.refresh)
        }
    }

    private mutating func plan(_ repair: Repair) {
        let at = self.now + self.outage()
        self.ends.append((at, repair))
        self.ends.sort { $0.at > $1.at }
    }

    private func repair(_ what: Repair) {
        self.world.trace("repaired: \(what)")
        self.world.state.withLock { state in
            switch what {
            case .lane(let lane):
                state.lanes[lane].weather = .clear
                state.lanes[lane].troubles.append(state.now)
            case .store:
                state.storeWeather = .clear
                state.troubles.append(state.now)
            case .journal:
                state.journalWeather = .clear
                state.troubles.append(state.now)
            case .sink: state.isSinkAway = false
            }
        }
    }

    /// The host sleeps: connections that were open are dead when it wakes.
    private mutating func suspend(for time: Duration) {
        self.world.state.withLock { state in
            state.troubles.append(state.now)
            for index in state.requests.indices where state.requests[index].fate == .answered {
                state.requests[index].fate = .closed(acts: true)
            }
        }
        if self.world.flaw == .clockStopsInSuspend { self.lag += time }
        self.setTime(self.now + time)
    }

    private func put(_ number: Int) {
        let account = self.world.accounts[number]
        let engine = self.life.engine
        let answer = self.world.authorize(number)
        self.life.visit(account) { _ = try? await engine.put(account, answer: Array(answer.utf8), issuedAt: nil) }
    }

    private func read(_ account: AccountID) {
        let world = self.world
        let engine = self.life.engine
        let clock = self.life.clock
        world.tally { $0.reads += 1 }
        self.life.visit(account) {
            guard let token = try? await engine.token(for: account, atLeast: .seconds(2)), !clock.isOver else { return }
            world.checkRead(token)
            if let serial = World.access(in: token) { world.state.withLock { $0.ledger.use(serial) } }
        }
    }

    // MARK: The end

    /// Everything works again, and nobody does anything: now all must come to rest.
    private mutating func calmDown() throws {
        guard self.isSound else { return }
        self.world.trace("calm")
        self.ends = []
        self.fuse = nil
        self.world.state.withLock { state in
            state.isCalm = true
            state.storeWeather = .clear
            state.journalWeather = .clear
            state.isSinkAway = false
            for lane in state.lanes.indices { state.lanes[lane].weather = .clear }
        }
        self.nextErrand = self.now + .seconds(1 << 40)
        let limit = self.now + .seconds(3 * 3_600)
        while self.restartAt != nil || self.stopBy != nil, self.isSound { try self.step(until: limit) }
        for account in self.world.accounts {
            let engine = self.life.engine
            self.life.visit(account) {
                // The store's last bad moment may still be to come.
                for _ in 0..<8 where engine.state.withLock({ $0.record(of: account)?.machine.isPaused }) == true {
                    _ = try? await engine.pause(account, false)
                }
            }
        }
        let settings = try Life.settings(self.world, self.life.clock)
        self.world.reload()
        let engine = self.life.engine
        self.life.run { await engine.apply(settings) }
        self.pump()
        while self.now < limit, self.isSound, !self.isSettled { try self.step(until: limit) }
        guard self.isSound else { return }
        if !self.isSettled {
            let waiting = self.world.accounts.compactMap { account in
                self.life.engine.state.withLock { $0.record(of: account) }.map {
                    "\(account) \($0.machine.standing) \($0.machine.phase) paused \($0.machine.isPaused) due \(String(describing: $0.dueAt?.milliseconds))"
                }
            }
            self.world.violate("V7: it does not come to rest: \(waiting.joined(separator: ", "))")
        }
        self.world.close(self.life.engine, leaks: self.life.log.leaks.count)
    }

    private var isSettled: Bool {
        self.world.state.withLock { $0.requests.isEmpty } && self.world.isSettled(self.life.engine)
    }
}
