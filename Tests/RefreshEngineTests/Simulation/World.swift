import RefreshCore
import Synchronization
import TestSupport

/// Everything that is not the daemon: providers, disk, sinks, the weather, and what has been seen of the daemon.
///
/// All randomness is drawn here, in the order of the events, so one seed is one story.
final class World: Sendable {
    /// What the store holds of an account, as the judge keeps it beside the store.
    struct Row: Sendable {
        var generation: Generation
        var access: Int
        var refresh: Int
    }

    /// What a sink was given, in the order of an account's life.
    struct Version: Comparable, Sendable {
        var era: Int
        var generation: Generation

        static func < (left: Version, right: Version) -> Bool {
            (left.era, left.generation) < (right.era, right.generation)
        }
    }

    /// A request to a provider, from its first byte to its end.
    struct Request: Sendable {
        var number: Int
        var account: Int
        var lane: Int
        var serial: Int
        var fate: Fate
        var isReleased = false
        var hasActed = false
    }

    struct Lane: Sendable {
        var weather = LaneWeather.clear
        /// What a `Retry-After` has asked for, and when it was heard.
        var closed: (heard: Timestamp, until: Timestamp)?
        var bucket: Double
        var bucketAt: Timestamp
        var limits: LaneLimits
        var troubles: [Timestamp] = []
    }

    /// What happened, to show that something did.
    struct Tally: Sendable {
        var redeems = 0
        var renewals = 0
        var faults = 0
        var unknowns = 0
        var kills = 0
        var stops = 0
        var deaths = 0
        var unavoidable = 0
        var deliveries = 0
        var reads = 0
        var givenUpAlive = 0
    }

    struct State: Sendable {
        var random: SeededGenerator
        var now: Timestamp
        var ledger: Ledger
        var lanes: [Lane]
        var rows: [Row?]
        var requests: [Request] = []
        var nextRequest = 0
        var storeWeather = StoreWeather.clear
        /// When the store last refused something.
        var storeRefusedAt: Timestamp?
        var journalWeather = JournalWeather.clear
        var isSinkAway = false
        var isCalm = false
        /// Accounts of which something has changed since the last look.
        var touched: Set<Int> = []
        /// By sink and account: the newest it has accepted.
        var accepted: [String: [Int: Version]] = [:]
        /// How often each account has been removed: its generations begin anew.
        var removals: [Int]
        /// By access token: the removals of its account when it was written down.
        var eras: [Int: Int] = [:]
        /// UTC as the host believes it, minus the time line.
        var utcShift: Duration = .zero
        /// By access token: how its end was written down, and by how much it has moved since.
        ///
        /// The store keeps UTC. When the wall clock is set and the process starts anew, an end that was written down
        /// before is read back as another moment, and nobody can know better.
        var moved: [Int: (base: Duration, utcShift: Duration, error: Duration)] = [:]
        /// Refresh tokens of which an outcome is or was unknown to the daemon.
        var doubtful: [Int: Int] = [:]
        /// Refresh tokens that a person, and not the rule, has sent.
        var asked: Set<Int> = []
        /// Accounts whose answer the journal could not take.
        var unkept: Set<Int> = []
        /// Lines that were lost because journal and process failed both.
        var excused: Set<Int> = []
        var troubles: [Timestamp] = []
        /// The process is being taken apart: what it still says does not count.
        var isBetweenLives = false
        /// The disk is at work on something that happens as one.
        var isWriting = false
        var violations: [String] = []
        var trace: [String] = []
        var tally = Tally()
    }

    let accounts: [AccountID]
    let climate: Climate
    private let numbers: [AccountID: Int]
    private let isTraced: Bool
    let flaw: Flaw?
    let state: Mutex<State>

    /// - Parameters:
    ///   - seed: Decides everything.
    ///   - isTraced: Whether what happens is written down.
    ///   - flaw: What is broken on purpose.
    /// - Throws: Nothing, for the names are good ones.
    init(seed: UInt64, isTraced: Bool = false, flaw: Flaw? = nil) throws {
        var random = SeededGenerator(seed: seed)
        let climate = Climate(using: &random)
        let now = Timestamp(seconds: 1_000_000)
        self.climate = climate
        self.accounts = try climate.accounts.enumerated().map { try AccountID("p\($1)/a\($0)") }
        self.numbers = Dictionary(uniqueKeysWithValues: self.accounts.enumerated().map { ($1, $0) })
        self.isTraced = isTraced
        self.flaw = flaw
        self.state = Mutex(
            State(
                random: random,
                now: now,
                ledger: Ledger(terms: climate.lanes.map(\.terms)),
                lanes: climate.lanes.map {
                    Lane(bucket: Double($0.limits.concurrency), bucketAt: now, limits: $0.limits)
                },
                rows: climate.accounts.map { _ in nil },
                removals: climate.accounts.map { _ in 0 }
            )
        )
    }

    func number(of account: AccountID) -> Int? { self.numbers[account] }

    func trace(_ line: @autoclosure () -> String) {
        guard self.isTraced else { return }
        let line = line()
        self.state.withLock { $0.trace.append("\($0.now.milliseconds) \(line)") }
    }

    func violate(_ text: @autoclosure () -> String) {
        let text = text()
        self.state.withLock { state in
            guard !state.isBetweenLives else { return }
            state.violations.append("\(text) (at \(state.now.milliseconds))")
        }
    }

    /// Each begins with the invariant that it breaks.
    var violations: [String] { self.state.withLock { $0.violations } }

    func draw<R>(_ body: (inout SeededGenerator) -> R) -> R { self.state.withLock { body(&$0.random) } }

    func tally(_ change: (inout Tally) -> Void) { self.state.withLock { change(&$0.tally) } }

    // MARK: Providers

    /// A user authorizes; the answer is in a person's hands.
    func authorize(_ account: Int) -> String {
        let lane = self.climate.accounts[account]
        return self.state.withLock { state in
            let serial = state.ledger.authorize(
                account: account,
                user: account % self.climate.users,
                lane: lane,
                at: state.now
            )
            return Self.answer(serial, refresh: serial, lifetime: state.ledger.terms(of: lane).lifetime)
        }
    }

    static func answer(_ serial: Int, refresh: Int?, lifetime: Duration) -> String {
        let refresh = refresh.map { #","refresh_token":"canary-rt-\#($0)""# } ?? ""
        return #"{"access_token":"canary-at-\#(serial)","token_type":"bearer","#
            + #""expires_in":\#(lifetime.components.seconds)\#(refresh)}"#
    }

    /// The serial number in a token's text.
    static func serial(_ text: some StringProtocol) -> Int? { text.split(separator: "-").last.flatMap { Int($0) } }

    /// A request begins; how it will end is drawn now.
    func begin(_ serial: Int, lane: Int) -> Request {
        let request = self.state.withLock { state in
            let fate = Self.fate(of: state.lanes[lane].weather, self.climate.lanes[lane].faultsOneIn, &state)
            if fate != .answered {
                state.tally.faults += 1
                state.lanes[lane].troubles.append(state.now)
            }
            state.nextRequest += 1
            let account = state.ledger.line(of: serial).account
            let request = Request(number: state.nextRequest, account: account, lane: lane, serial: serial, fate: fate)
            state.requests.append(request)
            return request
        }
        self.checkRate(lane)
        self.trace("request \(request.number) of \(self.accounts[request.account]), rt \(serial): \(request.fate)")
        return request
    }

    private static func fate(of weather: LaneWeather, _ faultsOneIn: Int, _ state: inout State) -> Fate {
        func wait() -> Int { Int.random(in: 1...600, using: &state.random) }
        switch weather {
        case .unreachable: return .notSent
        case .silent: return .silent(acts: Bool.random(using: &state.random))
        case .busy: return .busy(status: 503, retryAfter: nil)
        case .limited: return .busy(status: 429, retryAfter: wait())
        case .broken: return .broken(acts: false)
        case .rejecting: return .rejected
        case .clear:
            guard faultsOneIn > 0, !state.isCalm, Int.random(in: 0..<faultsOneIn, using: &state.random) == 0 else {
                return .answered
            }
            switch Int.random(in: 0..<12, using: &state.random) {
            case 0, 1: return .notSent
            case 2, 3: return .closed(acts: true)
            case 4: return .closed(acts: false)
            case 5: return .silent(acts: Bool.random(using: &state.random))
            case 6: return .busy(status: 429, retryAfter: wait())
            case 7: return .busy(status: 503, retryAfter: Bool.random(using: &state.random) ? wait() : nil)
            case 8: return .broken(acts: Bool.random(using: &state.random))
            case 9: return .garbled
            case 10: return .partial
            default: return .rejected
            }
        }
    }

    /// The last byte has left.
    func release(_ request: Request) {
        self.checkRelease(request)
        self.change(request) { $0.isReleased = true }
    }

    /// The server does what it does, and answers.
    func act(_ request: Request) -> (status: Int, body: String, retryAfter: Int?, issued: Int?) {
        let (answer, text) = self.state.withLock { state in
            let answer = self.act(request, &state)
            if let index = state.requests.firstIndex(where: { $0.number == request.number }) {
                state.requests[index].hasActed = true
            }
            return (answer, answer.issued.map { "issued \($0)" } ?? "status \(answer.status)")
        }
        self.trace("request \(request.number): \(text)")
        return answer
    }

    private func act(
        _ request: Request,
        _ state: inout State
    ) -> (status: Int, body: String, retryAfter: Int?, issued: Int?) {
        let acts: Bool =
            switch request.fate {
            case .answered, .garbled, .partial: true
            case .closed(let acts), .silent(let acts), .broken(let acts): acts
            case .notSent, .busy, .rejected: false
            }
        var issued: Int?
        if acts {
            state.tally.redeems += 1
            issued = state.ledger.redeem(request.serial, at: state.now)
        }
        switch request.fate {
        case .answered, .partial, .garbled, .closed, .silent, .notSent:
            guard let issued else { return (400, #"{"error":"invalid_grant"}"#, nil, nil) }
            let terms = state.ledger.terms(of: request.lane)
            let refresh = terms.habit.rotation == .none ? nil : issued
            if request.fate == .garbled { return (200, "<html>welcome</html>", nil, issued) }
            if request.fate == .partial, let refresh {
                return (200, #"{"refresh_token":"canary-rt-\#(refresh)"}"#, nil, issued)
            }
            let left = Swift.max(state.ledger.issues[issued].expiresAt - state.now, .zero)
            return (200, Self.answer(issued, refresh: refresh, lifetime: left), nil, issued)
        case .busy(let status, let retryAfter): return (status, "{}", retryAfter, nil)
        case .broken: return (502, "<html>bad gateway</html>", nil, issued)
        case .rejected: return (401, #"{"error":"invalid_client"}"#, nil, nil)
        }
    }

    /// The request is over.
    ///
    /// - Parameters:
    ///   - request: Which one.
    ///   - reached: The serial number of the answer that the daemon now holds.
    ///   - isUnknown: Whether the daemon cannot know what the server did.
    ///   - retryAfter: The seconds that it was asked to wait.
    func finish(_ request: Request, reached: Int? = nil, isUnknown: Bool = false, retryAfter: Int? = nil) {
        self.state.withLock { state in
            state.requests.removeAll { $0.number == request.number }
            state.touched.insert(request.account)
            if let reached { state.ledger.reached(reached) }
            if isUnknown {
                state.tally.unknowns += 1
                state.doubtful[request.serial, default: 0] += 1
            }
            if let retryAfter {
                let until = state.now + .seconds(Int64(retryAfter))
                if state.lanes[request.lane].closed.map({ $0.until < until }) ?? true {
                    state.lanes[request.lane].closed = (state.now, until)
                }
            }
        }
    }

    private func change(_ request: Request, _ change: (inout Request) -> Void) {
        self.state.withLock { state in
            guard let index = state.requests.firstIndex(where: { $0.number == request.number }) else { return }
            change(&state.requests[index])
        }
    }

    /// The process is gone: what it had sent is acted on now or never, and nobody reads the answer.
    ///
    /// - Parameter hasJournal: Whether what was under way is written down anywhere.
    func crash(hasJournal: Bool) {
        self.state.withLock { state in
            for (number, row) in state.rows.enumerated() where !hasJournal || state.unkept.contains(number) {
                guard let row else { continue }
                let issue = state.ledger.issues[row.refresh]
                let hasReached = issue.children.contains { state.ledger.issues[$0].hasReached }
                let isReleased = !hasJournal && state.requests.contains { $0.account == number && $0.isReleased }
                if hasReached || isReleased { state.excused.insert(issue.line) }
            }
            state.unkept = []
            // From the mark "sent" on nobody knows, and the mark may be there.
            for request in state.requests { state.doubtful[request.serial, default: 0] += 1 }
            for request in state.requests where request.isReleased {
                if !request.hasActed, Bool.random(using: &state.random) { _ = self.act(request, &state) }
            }
            for account in state.rows.indices { state.touched.insert(account) }
            state.troubles.append(state.now)
            for lane in state.lanes.indices {
                state.lanes[lane].closed = nil
                // A fresh process begins with a whole budget.
                state.lanes[lane].bucket = Double(state.lanes[lane].limits.concurrency)
            }
            state.isBetweenLives = true
        }
    }

    /// A process begins, and reads back what was written down.
    func restart() {
        self.state.withLock { state in
            for case let row? in state.rows {
                guard let moved = state.moved[row.access] else { continue }
                state.moved[row.access]?.error = moved.base + moved.utcShift - state.utcShift
            }
        }
    }

    // MARK: Disk

    /// Writes down beside the store what the store has committed.
    func committed(_ account: AccountID, _ row: Row?) {
        guard let number = self.number(of: account) else { return }
        self.state.withLock { state in
            state.rows[number] = row
            state.touched.insert(number)
            state.unkept.remove(number)
            guard let row else {
                state.removals[number] += 1
                return
            }
            state.eras[row.access] = state.removals[number]
            let error = state.moved[row.access]?.error ?? .zero
            state.moved[row.access] = (error, state.utcShift, error)
        }
        self.trace("durable: \(account) \(row.map { "generation \($0.generation), rt \($0.refresh)" } ?? "gone")")
    }

    /// The journal could not take an answer.
    func unkept(_ account: AccountID) {
        guard let number = self.number(of: account) else { return }
        self.state.withLock { _ = $0.unkept.insert(number) }
    }

    /// A new configuration opens every lane, whatever it was told before.
    func reload() {
        self.state.withLock { state in
            for lane in state.lanes.indices { state.lanes[lane].closed = nil }
        }
    }

    /// What the store does with a call.
    func storeFate(isWrite: Bool) -> (before: Duration, after: Duration, failsBefore: Bool, failsAfter: Bool) {
        self.state.withLock { state in
            func wait() -> Duration { .milliseconds(Int64.random(in: 0...6, using: &state.random)) }
            let before = isWrite ? wait() : Bool.random(using: &state.random) ? wait() : .zero
            let after = isWrite ? wait() : .zero
            let isOdd = !state.isCalm && Int.random(in: 0..<150, using: &state.random) == 0
            let isLate = isOdd && Bool.random(using: &state.random)
            if isOdd { state.troubles.append(state.now) }
            if isOdd || state.storeWeather != .clear { state.storeRefusedAt = state.now }
            return switch state.storeWeather {
            case .clear: (before, after, isOdd && !(isWrite && isLate), isOdd && isWrite && isLate)
            case .full: (before, after, isWrite, false)
            case .lying: (before, after, false, isWrite)
            case .away: (before, after, true, false)
            }
        }
    }
}

extension World.Tally {
    static func += (left: inout World.Tally, right: World.Tally) {
        left.redeems += right.redeems
        left.renewals += right.renewals
        left.faults += right.faults
        left.unknowns += right.unknowns
        left.kills += right.kills
        left.stops += right.stops
        left.deaths += right.deaths
        left.unavoidable += right.unavoidable
        left.deliveries += right.deliveries
        left.reads += right.reads
        left.givenUpAlive += right.givenUpAlive
    }
}
