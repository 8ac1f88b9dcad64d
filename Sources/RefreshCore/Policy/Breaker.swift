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
        self.failures = 0
        self.closedUntil = nil
        self.isProbing = false
    }

    /// The provider could not be reached, or could not answer.
    ///
    /// `phase` is the jitter of the wait, in `0..<1`.
    package mutating func failed(at now: Timestamp, phase: Double) {
        // Those that were under way when it opened say nothing new: only a probe makes the wait longer.
        if let closedUntil, closedUntil > now, !self.isProbing { return }
        self.failures += 1
        self.isProbing = false
        guard self.failures >= self.threshold else { return }
        let wait = RetryLadder.transient.wait(after: self.failures - self.threshold + 1, phase: phase)
        self.closedUntil = now + wait
    }

    /// A request was given up before it was sent: it says nothing about the provider.
    package mutating func abandoned() { self.isProbing = false }
}
