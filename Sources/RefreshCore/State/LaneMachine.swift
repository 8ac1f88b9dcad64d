/// Which queued account goes next through one lane, and whether any may: budget, gate, breaker, and three suspicions.
///
/// The suspicions are worth their price because a lane may hold a hundred thousand grants:
/// - A client that has not been accepted for an hour is tried with one request before the others follow, for it may
///   have been rejected meanwhile (facts F10).
/// - After trouble, fewer are under way at once (facts F02), and few of them are second tries (facts K05).
/// - Since a grant has died, no more are under way than may still die before the lane has to stop (facts F16).
package struct LaneMachine: Sendable {
    package enum Next: Hashable, Sendable {
        case send(Int32)
        /// Nothing may go before this moment.
        case wait(until: Timestamp)
        /// Nothing is queued, or nothing can go before one of those under way has ended.
        case idle
    }

    /// Why the gate is closed.
    enum GateReason: UInt8, Hashable, Sendable {
        case asked
        case rejected
        case estranged
    }

    /// How long the client counts as accepted after an answer that says so.
    package static let proofLasts: Duration = .seconds(3_600)
    /// How long nobody is tried after each refusal of the client in a row: three requests, then one a day, until a
    /// configuration or a person opens the lane (facts F10, C08).
    package static let rejectionWaits: [Duration] = [.seconds(60), .seconds(1_800), RefreshWindow.longestSleep]
    /// The same for answers of something that is no token endpoint (facts F11).
    package static let estrangementWaits: [Duration] = [.seconds(60), .seconds(3_600)]

    package private(set) var limits: LaneLimits
    package private(set) var inFlight = 0
    /// How many grants go through this lane, queued or not: of how many die is told as a share.
    package var grants = 0

    private var queue = UrgencyQueue()
    private var retryQueue = UrgencyQueue()
    private var budget: RateBudget
    private var retryBudget = RetryBudget()
    private var breaker = Breaker()
    private var probe: Int32?
    private var gate = Timestamp(milliseconds: .min)
    private var gateReason = GateReason.asked
    /// Closings of the gate in a row, for the length of the next.
    private var refusals = 0
    private var deaths = DeathWatch()
    private var isHalted = false
    /// How many may be under way, at most as many as the limits say.
    private var allowance: Int
    /// Answers without trouble since the allowance was changed.
    private var clean = 0
    /// How many of those under way were sent before the allowance was halved.
    private var older = 0
    private var provenAt: Timestamp?
    /// When the first request was sent to a client that is not proven.
    private var provingSince: Timestamp?
    /// Whether the last turn went to who needs it most, though it is too late for them.
    private var wasForLate = false
    /// The lane's own share of jitter.
    private let phase: Double

    package init(limits: LaneLimits, phase: Double) {
        self.limits = limits
        self.phase = phase
        self.allowance = limits.concurrency
        self.budget = Self.budget(limits)
    }

    private static func budget(_ limits: LaneLimits) -> RateBudget {
        RateBudget(
            perSecond: limits.rate,
            burst: RateBudget.burst(perSecond: limits.rate, limit: limits.concurrency)
        )
    }

    package var queued: Int { self.queue.count + self.retryQueue.count }

    /// When the gate opens, if it is closed now.
    package func closedUntil(at now: Timestamp) -> Timestamp? { self.gate > now ? self.gate : nil }

    package func breakerState(at now: Timestamp) -> Breaker.State { self.breaker.state(at: now) }

    /// Why nobody is let through, apart from trouble that passes; nil while somebody may.
    package func stop(at now: Timestamp) -> LaneStop? {
        if self.isHalted { return .massDeath(deaths: self.deaths.deaths.count) }
        guard self.gate > now else { return nil }
        switch self.gateReason {
        case .asked: return .asked(until: self.gate)
        case .rejected: return .rejected(until: self.gate)
        case .estranged: return .estranged(until: self.gate)
        }
    }

    // MARK: The queue

    /// Puts an account into the queue.
    ///
    /// - Parameters:
    ///   - slot: Whom; it is in the queue at most once.
    ///   - expiresAt: When its token ends; nil goes last.
    ///   - grantExpiresAt: When its refresh token ends, if that is known: who has the least left of it goes first, by
    ///     whole hours (facts K02).
    ///   - demand: Who wants it; comes next in the order, before the end of the token.
    ///   - isRetry: Whether its last attempt failed for certain: it then needs leave of the retry budget.
    ///   - spends: Whether the use of its grant may lose it (`Rotation.spends`).
    package mutating func enqueue(
        _ slot: Int32,
        expiresAt: Timestamp?,
        grantExpiresAt: Timestamp? = nil,
        demand: LaneDemand = .schedule,
        isRetry: Bool = false,
        spends: Bool = true
    ) {
        let urgency = UrgencyQueue.Urgency(
            expiresAt: expiresAt,
            grantExpiresAt: grantExpiresAt,
            demand: demand,
            spends: spends
        )
        if isRetry, demand != .replay {
            self.retryQueue.push(slot, urgency)
        } else {
            self.queue.push(slot, urgency)
        }
    }

    /// Takes the next account that may go, and counts it as under way.
    package mutating func next(at now: Timestamp) -> Next {
        guard !self.isHalted, self.queued > 0, self.inFlight < self.allowed(at: now) else { return .idle }
        guard self.gate <= now else { return .wait(until: self.gate) }
        if let until = self.proofAwaited(at: now) { return .wait(until: until) }
        let isProbe = self.breaker.state(at: now) != .closed
        let retryAt = self.retryQueue.count == 0 ? nil : self.retryBudget.wait(at: now)
        let mayRetry = isProbe || (self.retryQueue.count > 0 && retryAt == nil)
        if self.queue.count == 0, !mayRetry { return .wait(until: retryAt ?? now + RetryBudget.floor) }
        if let until = self.breaker.pass(at: now) {
            return until.milliseconds == .max ? .idle : .wait(until: until)
        }
        if let until = self.budget.take(at: now) {
            self.breaker.abandoned()
            return .wait(until: until)
        }
        guard let slot = isProbe ? self.takeProbe(at: now) : self.takeMostUrgent(mayRetry: mayRetry, at: now) else {
            return .idle
        }
        if isProbe { self.probe = slot }
        if !self.isProven(at: now) { self.provingSince = self.provingSince ?? now }
        self.inFlight += 1
        return .send(slot)
    }

    /// How many may be under way now.
    private mutating func allowed(at now: Timestamp) -> Int {
        let dying = self.deaths.count(at: now)
        guard dying > 0 else { return self.allowance }
        return Swift.min(self.allowance, Swift.max(DeathWatch.limit(grants: self.grants) - dying, 1))
    }

    private func isProven(at now: Timestamp) -> Bool { self.provenAt.map { now < $0 + Self.proofLasts } ?? false }

    /// Until when one request alone is under way, because nobody knows yet whether the client is still accepted.
    private func proofAwaited(at now: Timestamp) -> Timestamp? {
        guard self.inFlight > 0, !self.isProven(at: now), let provingSince else { return nil }
        let until = provingSince + self.limits.patience
        return until > now ? until : nil
    }

    /// Who is missed least: the request may well be lost in the provider's trouble.
    ///
    /// First a grant that use does not spend, then one that nobody asks for, then the one whose token lives longest.
    private mutating func takeProbe(at now: Timestamp) -> Int32? {
        let first = self.queue.mostExpendable()
        let again = self.retryQueue.mostExpendable()
        if let first, again.map({ $0.expendability <= first.expendability }) ?? true {
            self.retryBudget.countFirst(at: now)
            return self.queue.take(first)
        }
        self.retryBudget.countRetry(at: now)
        return again.flatMap { self.retryQueue.take($0) }
    }

    /// Who needs it most; every other time, who can still be helped in time.
    ///
    /// After a long outage everybody who waited is late. If all of them went first, those who fall due now would be
    /// late as well, for as long as the backlog lasts (facts F05).
    private mutating func takeMostUrgent(mayRetry: Bool, at now: Timestamp) -> Int32? {
        let first = self.queue.first()
        if mayRetry, let again = self.retryQueue.first(), first.map({ again < $0 }) ?? true {
            self.retryBudget.countRetry(at: now)
            return self.retryQueue.take(again)
        }
        guard var first else { return nil }
        if first.isLate(at: now), !first.isReplay {
            if self.wasForLate, let other = self.queue.firstInTime(at: now) {
                first = other
                self.wasForLate = false
            } else {
                self.wasForLate = true
            }
        }
        if !first.isReplay { self.retryBudget.countFirst(at: now) }
        return self.queue.take(first)
    }

    /// Gives back what `next` took for an account that turned out not to be waiting any more.
    package mutating func skipped(_ slot: Int32? = nil) {
        self.inFlight -= 1
        if self.inFlight == 0 { self.provingSince = nil }
        guard self.isProbe(slot) else { return }
        self.probe = nil
        self.breaker.abandoned()
    }

    /// An attempt ended.
    ///
    /// - Parameters:
    ///   - effect: What it says about the lane.
    ///   - slot: Whose it was: of several under way, only the probe's end decides about the breaker. Without it every
    ///     end counts as the probe's.
    ///   - now: The moment of the end.
    /// - Returns: Why the lane has stopped, if this end stopped it; for the alarm.
    @discardableResult
    package mutating func ended(_ effect: LaneEffect, of slot: Int32? = nil, at now: Timestamp) -> LaneStop? {
        let isAlone = self.inFlight == 1
        self.inFlight -= 1
        let isProbe = self.isProbe(slot)
        if isProbe { self.probe = nil }
        let isOlder = self.older > 0
        if isOlder { self.older -= 1 }
        if self.inFlight == 0 { self.provingSince = nil }
        switch effect {
        case .answered, .died:
            self.provenAt = now
            self.provingSince = nil
            // What was sent before the gate was closed says nothing about why it was.
            if self.gate <= now { self.refusals = 0 }
            if isProbe || self.probe == nil { self.breaker.succeeded() }
            if !isOlder { self.grow() }
            guard effect == .died, self.deaths.died(at: now, grants: self.grants), !self.isHalted else { return nil }
            self.isHalted = true
            return self.stop(at: now)
        case .trouble:
            if isProbe || self.probe == nil { self.breaker.failed(at: now, phase: self.phase) }
            // One that was alone was not one too many.
            if !isProbe, !isOlder, !isAlone { self.halve() }
            return nil
        case .closed(let wait):
            // Up to a tenth is added, so that two daemons that were told the same do not come back in the same second
            // (facts F01).
            let wait = RetryAfterLimit.clamp(wait).scaled(by: 1 + 0.1 * self.phase)
            return self.close(until: now + wait, .asked, at: now)
        case .rejected:
            self.provenAt = nil
            return self.refused(Self.rejectionWaits, .rejected, at: now)
        case .estranged:
            return self.refused(Self.estrangementWaits, .estranged, at: now)
        case .abandoned:
            if isProbe || self.probe == nil { self.breaker.abandoned() }
            return nil
        }
    }

    private func isProbe(_ slot: Int32?) -> Bool { self.probe != nil && (slot == nil || slot == self.probe) }

    private mutating func refused(_ waits: [Duration], _ reason: GateReason, at now: Timestamp) -> LaneStop? {
        // Those that were under way together are refused together: that is one refusal, not the climb of a ladder.
        if self.gate <= now { self.refusals += 1 }
        let wait = waits[Swift.max(Swift.min(self.refusals, waits.count) - 1, 0)].scaled(by: 1 + 0.1 * self.phase)
        return self.close(until: now + wait, reason, at: now)
    }

    /// Lets nobody through until a moment, then one probe.
    private mutating func close(until moment: Timestamp, _ reason: GateReason, at now: Timestamp) -> LaneStop? {
        let isNew = self.gate <= now
        // Answers arrive out of order, and of two waits the longer is the safe one.
        if moment > self.gate {
            self.gate = moment
            self.gateReason = reason
        }
        self.breaker.trip(until: self.gate)
        self.probe = nil
        return isNew ? self.stop(at: now) : nil
    }

    private mutating func halve() {
        self.allowance = Swift.max(1, Swift.min(self.allowance, self.limits.concurrency) / 2)
        self.clean = 0
        // They were sent into the same trouble, which is answered only once.
        self.older = self.inFlight
    }

    private mutating func grow() {
        guard self.allowance < self.limits.concurrency else { return }
        self.clean += 1
        guard self.clean >= self.allowance else { return }
        self.allowance += 1
        self.clean = 0
    }

    // MARK: From outside

    /// The client was refused, and presents itself otherwise from now on: one request has to show whether that helps.
    ///
    /// If it does not, it was the second refusal.
    package mutating func isInQuestion() {
        self.provenAt = nil
        self.refusals += 1
    }

    /// Trouble may be over that had nothing to do with the provider: an open breaker sends its probe now.
    package mutating func probeNow(at now: Timestamp) {
        guard let opensAt = self.breaker.opensAt, opensAt > now, self.gate <= now else { return }
        self.breaker.restore(failures: self.breaker.failures, until: now)
        self.probe = nil
    }

    /// A person lets the lane go on: what it had stopped for is forgiven, one probe goes first.
    ///
    /// A wait that the provider asked for stays.
    package mutating func release() {
        self.isHalted = false
        self.deaths.forget()
        self.refusals = 0
        if self.gateReason != .asked { self.gate = Timestamp(milliseconds: .min) }
        let wasClosed = self.breaker.opensAt == nil
        self.breaker.reset()
        self.probe = nil
        if !wasClosed { self.breaker.trip(until: self.gate) }
    }

    /// Takes new limits, with nobody queued; what had stopped the lane may have been mended, so one probe goes first.
    ///
    /// What is under way stays counted, and a wait that the provider asked for goes on: a reload is none of its business.
    package mutating func reconfigure(_ limits: LaneLimits) {
        if limits != self.limits {
            // What the old rate had spent stays spent, or every reload would be a burst.
            let wholeAt = self.budget.wholeAt
            self.limits = limits
            self.allowance = limits.concurrency
            self.clean = 0
            self.older = 0
            self.budget = Self.budget(limits)
            if wholeAt.milliseconds != .min { self.budget.restore(wholeAt: wholeAt, at: wholeAt) }
        }
        self.queue = UrgencyQueue()
        self.retryQueue = UrgencyQueue()
        self.release()
    }

    // MARK: Over a restart

    /// What must be kept as soon as it changes.
    package struct Closure: Hashable, Sendable {
        var gate: Timestamp
        var refusals: Int
        var breakerUntil: Timestamp?
        var isHalted: Bool
        var deaths: Int
    }

    package var closure: Closure {
        Closure(
            gate: self.gate,
            refusals: self.refusals,
            breakerUntil: self.breaker.opensAt,
            isHalted: self.isHalted,
            deaths: self.deaths.deaths.count
        )
    }

    /// Whether each request must be kept before it is sent, or a crash loop would be faster than the rate.
    package var keepsEachRequest: Bool { self.budget.mustBeWrittenDown }

    /// What has to outlive the process, so that a crash loop cannot make it forget how the provider feels (facts I09).
    package func memory() -> LaneMemory {
        LaneMemory(
            gate: self.gate,
            gateReason: self.gateReason.rawValue,
            refusals: self.refusals,
            breakerFailures: self.breaker.failures,
            breakerUntil: self.breaker.opensAt,
            isHalted: self.isHalted,
            deaths: self.deaths.deaths,
            budgetWholeAt: self.budget.wholeAt
        )
    }

    /// Takes up what an earlier process remembered; before the first request.
    ///
    /// A moment further away than the rules allow comes of a clock that was set, and is cut to what they allow.
    package mutating func restore(_ memory: LaneMemory, at now: Timestamp) {
        self.gateReason = GateReason(rawValue: memory.gateReason) ?? .asked
        let longest: Duration =
            switch self.gateReason {
            case .asked: .seconds(3_600)
            case .rejected: RefreshWindow.longestSleep
            case .estranged: .seconds(3_600)
            }
        self.gate = Swift.min(memory.gate, now + longest.scaled(by: 1.1))
        self.refusals = memory.refusals
        self.breaker.restore(
            failures: memory.breakerFailures,
            until: memory.breakerUntil.map { Swift.min($0, Swift.max(now + RetryLadder.probe.last, self.gate)) }
        )
        self.isHalted = memory.isHalted
        self.deaths = DeathWatch(deaths: memory.deaths.map { Swift.min($0, now) })
        self.budget.restore(wholeAt: memory.budgetWholeAt, at: now)
    }
}
