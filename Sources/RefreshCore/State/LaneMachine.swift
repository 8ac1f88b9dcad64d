/// What an attempt's end says about the lane it went through.
package enum LaneEffect: Hashable, Sendable {
    /// The provider answered, if only about this grant.
    case answered
    /// The provider could not be reached, or could not answer.
    case trouble
    /// The provider asked everybody to wait (RFC 9110 §10.2.3).
    case closed(for: Duration)
    /// The provider refuses the client: whoever comes next will be refused too (facts F10).
    case rejected
    /// Nothing was sent.
    case abandoned
}

/// Which queued account goes next through one lane: least remaining life first, within budget, gate and breaker.
package struct LaneMachine: Sendable {
    package enum Next: Hashable, Sendable {
        case send(Int32)
        /// Nothing may go before this moment.
        case wait(until: Timestamp)
        /// Nothing is queued, or nothing can go before one of those under way has ended.
        case idle
    }

    package private(set) var limits: LaneLimits
    package private(set) var inFlight = 0
    private var queue = UrgencyQueue()
    private var budget: RateBudget
    private var breaker = Breaker()
    private var gate = Timestamp(milliseconds: .min)
    private var rejections = 0
    /// The lane's own share of jitter.
    private let phase: Double

    package init(limits: LaneLimits, phase: Double) {
        self.limits = limits
        self.phase = phase
        self.budget = RateBudget(perSecond: limits.rate, burst: limits.concurrency)
    }

    package var queued: Int { self.queue.count }

    /// When the gate opens, if it is closed now.
    package func closedUntil(at now: Timestamp) -> Timestamp? { self.gate > now ? self.gate : nil }

    package func breakerState(at now: Timestamp) -> Breaker.State { self.breaker.state(at: now) }

    /// Puts an account into the queue.
    ///
    /// `expiresAt` is when its token ends; nil goes last.
    package mutating func enqueue(_ slot: Int32, expiresAt: Timestamp?) {
        self.queue.push(slot, urgency: expiresAt?.milliseconds ?? .max)
    }

    /// Takes the next account that may go, and counts it as under way.
    package mutating func next(at now: Timestamp) -> Next {
        guard self.queue.count > 0, self.inFlight < self.limits.concurrency else { return .idle }
        guard self.gate <= now else { return .wait(until: self.gate) }
        if let until = self.breaker.pass(at: now) {
            return until.milliseconds == .max ? .idle : .wait(until: until)
        }
        if let until = self.budget.take(at: now) {
            self.breaker.abandoned()
            return .wait(until: until)
        }
        guard let slot = self.queue.pop() else { return .idle }
        self.inFlight += 1
        return .send(slot)
    }

    /// Gives back what `next` took for an account that turned out not to be waiting any more.
    package mutating func skipped() {
        self.inFlight -= 1
        self.breaker.abandoned()
    }

    /// An attempt ended.
    package mutating func ended(_ effect: LaneEffect, at now: Timestamp) {
        self.inFlight -= 1
        switch effect {
        case .answered:
            self.breaker.succeeded()
            self.rejections = 0
        case .trouble:
            self.breaker.failed(at: now, phase: self.phase)
        case .closed(let wait):
            // Answers arrive out of order, and of two waits the longer is the safe one. Up to a tenth is added, so
            // that two daemons that were told the same do not come back in the same second (facts F01).
            self.gate = Swift.max(self.gate, now + RetryAfterLimit.clamp(wait).scaled(by: 1 + 0.1 * self.phase))
            self.breaker.succeeded()
        case .rejected:
            // Those that were under way together are refused together: that is one refusal, not the climb of a ladder.
            if self.gate <= now { self.rejections += 1 }
            let wait = RetryLadder.configuration.wait(after: self.rejections, phase: self.phase)
            self.gate = Swift.max(self.gate, now + wait)
            self.breaker.succeeded()
        case .abandoned:
            self.breaker.abandoned()
        }
    }

    /// Takes new limits and begins anew: nobody is queued, the gate is open.
    ///
    /// What is under way stays counted.
    package mutating func reconfigure(_ limits: LaneLimits) {
        if limits != self.limits {
            self.limits = limits
            self.budget = RateBudget(perSecond: limits.rate, burst: limits.concurrency)
        }
        self.queue = UrgencyQueue()
        self.gate = Timestamp(milliseconds: .min)
        self.rejections = 0
        self.breaker.succeeded()
    }
}

/// A binary heap of slots, the most urgent first.
struct UrgencyQueue: Sendable {
    private var heap: [(urgency: Int64, slot: Int32)] = []

    var count: Int { self.heap.count }

    mutating func push(_ slot: Int32, urgency: Int64) {
        self.heap.append((urgency, slot))
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].urgency < self.heap[parent].urgency else { return }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Int32? {
        guard let first = self.heap.first, let last = self.heap.popLast() else { return nil }
        guard !self.heap.isEmpty else { return first.slot }
        self.heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.heap.count {
                if self.heap[child].urgency < self.heap[least].urgency { least = child }
            }
            guard least != parent else { return first.slot }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }
}
