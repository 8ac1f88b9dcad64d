/// So many requests in so long, by the generic cell rate algorithm: it takes now, and keeps one timestamp.
package struct RateBudget: Hashable, Sendable {
    /// The time that one request uses up; zero for no limit.
    private let cost: Duration
    /// How far ahead of the even pace a burst may be.
    private let tolerance: Duration
    /// When the budget is whole again.
    private var full: Timestamp

    /// - Parameters:
    ///   - perSecond: Requests a second, more than 0; nil for no limit.
    ///   - burst: How many may go at once, 1 or more.
    package init(perSecond: Double?, burst: Int) {
        let cost = perSecond.map { Duration.nanoseconds(Int64(1e9 / $0)) } ?? .zero
        self.cost = cost
        self.tolerance = cost * (burst - 1)
        self.full = Timestamp(milliseconds: .min)
    }

    /// Takes one request from the budget.
    ///
    /// - Returns: Nil when it was there; else the moment from which on it will be. Nothing is taken then.
    package mutating func take(at now: Timestamp) -> Timestamp? {
        guard self.cost > .zero else { return nil }
        let start = Swift.max(self.full, now)
        let earliest = start - self.tolerance
        guard earliest <= now else { return earliest }
        self.full = start + self.cost
        return nil
    }
}
