/// Keeps a lane from beating on a provider that does not answer: closed, open, half open with one probe.
package struct Breaker: Hashable, Sendable {
    package enum State: String, Hashable, Sendable {
        case closed
        case open
        case halfOpen = "half_open"
    }

    /// Failures in a row that open it.
    package let threshold: Int
    package private(set) var failures = 0
    private var closedUntil: Timestamp?
    private var isProbing = false
    /// Opened by order: what was under way before then says nothing about whether the order still stands.
    private var isTripped = false

    package init(threshold: Int = 5) { self.threshold = threshold }

    package func state(at now: Timestamp) -> State {
        guard let closedUntil else { return .closed }
        return self.isProbing || closedUntil <= now ? .halfOpen : .open
    }

    /// Whether one more request may go.
    ///
    /// - Returns: Nil when it may; else when to ask again. With a probe on its way there is nothing to wait for but
    ///   its end, and the far future is returned.
    package mutating func pass(at now: Timestamp) -> Timestamp? {
        guard let closedUntil else { return nil }
        guard !self.isProbing else { return Timestamp(milliseconds: .max) }
        guard closedUntil <= now else { return closedUntil }
        self.isProbing = true
        return nil
    }

    /// The provider answered, if only to refuse: it is there.
    package mutating func succeeded() {
        if self.isTripped, !self.isProbing { return }
        self.reset()
    }

    /// The provider could not be reached, or could not answer.
    ///
    /// `phase` is the jitter of the wait, in `0..<1`.
    package mutating func failed(at now: Timestamp, phase: Double) {
        // Those that were under way when it opened say nothing new: only a probe makes the wait longer.
        if let closedUntil, !self.isProbing, self.isTripped || closedUntil > now { return }
        self.failures += 1
        guard self.failures >= self.threshold || self.isProbing else { return }
        self.isProbing = false
        let wait = RetryLadder.probe.wait(after: self.failures - self.threshold + 1, phase: phase)
        self.closedUntil = now + wait
    }

    /// Opens it by order until a moment, or for longer if it is already; then one probe decides.
    package mutating func trip(until moment: Timestamp) {
        self.closedUntil = self.closedUntil.map { Swift.max($0, moment) } ?? moment
        self.isTripped = true
        self.isProbing = false
    }

    /// A request was given up before it was sent: it says nothing about the provider.
    package mutating func abandoned() { self.isProbing = false }

    package mutating func reset() {
        self.failures = 0
        self.closedUntil = nil
        self.isProbing = false
        self.isTripped = false
    }

    // MARK: Over a restart

    /// Until when it lets nobody through; nil when it is closed.
    package var opensAt: Timestamp? { self.closedUntil }

    /// Takes up where another one stopped: a probe that was under way is none any more.
    package mutating func restore(failures: Int, until moment: Timestamp?) {
        self.reset()
        guard let moment else { return }
        self.failures = failures
        self.trip(until: moment)
    }
}
