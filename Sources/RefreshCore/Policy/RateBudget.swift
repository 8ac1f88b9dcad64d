/// So many requests in so long, by the generic cell rate algorithm: it takes now, and keeps one moment.
package struct RateBudget: Hashable, Sendable {
    /// The time that one request uses up; zero for no limit.
    private let cost: Duration
    /// How far ahead of the even pace a burst may be.
    private let tolerance: Duration
    /// When the budget is whole again, since the epoch.
    ///
    /// Not a `Timestamp`: the cost of one request at 700 a second is 1.43 ms, and cut to whole milliseconds it would
    /// let a thousand through.
    private var full: Duration

    /// A budget that is whole.
    ///
    /// - Parameters:
    ///   - perSecond: Requests a second, more than 0; nil for no limit.
    ///   - burst: How many may go at once, 1 or more.
    package init(perSecond: Double?, burst: Int) {
        // Rounded up, so that what is rounded is never a request too many; at the slowest one in 31 years.
        let cost = perSecond.map { Duration.nanoseconds(Int64(Swift.min((1e9 / $0).rounded(.up), 1e18))) } ?? .zero
        self.cost = cost
        self.tolerance = cost * (burst - 1)
        self.full = .milliseconds(Int64.min)
    }

    /// Takes one request from the budget.
    ///
    /// - Returns: Nil when it was there; else the moment from which on it will be. Nothing is taken then.
    package mutating func take(at now: Timestamp) -> Timestamp? {
        guard self.cost > .zero else { return nil }
        let instant = Duration.milliseconds(now.milliseconds)
        let start = Swift.max(self.full, instant)
        let earliest = start - self.tolerance
        guard earliest <= instant else {
            let whole = earliest.milliseconds
            return Timestamp(milliseconds: .milliseconds(whole) < earliest ? whole + 1 : whole)
        }
        self.full = start + self.cost
        return nil
    }

    /// How many requests may go at once at this rate without any second seeing a tenth more than it allows.
    ///
    /// `perSecond` is more than 0, or nil for no limit; `limit` is the most there may be, 1 or more.
    package static func burst(perSecond: Double?, limit: Int) -> Int {
        guard let perSecond else { return limit }
        return Swift.max(1, Swift.min(limit, Int(Swift.min(perSecond / 10, 1e6))))
    }

    // MARK: Over a restart

    /// When it is whole again, rounded up.
    package var wholeAt: Timestamp {
        guard self.full > .milliseconds(Int64.min) else { return Timestamp(milliseconds: .min) }
        let whole = self.full.milliseconds
        return Timestamp(milliseconds: .milliseconds(whole) < self.full ? whole + 1 : whole)
    }

    /// Requests that cost more than this are few enough for each to be written down before it is sent.
    package static let longestForgotten: Duration = .milliseconds(100)

    /// Whether every request has to be written down, for a restart would otherwise send one more (facts I09).
    package var mustBeWrittenDown: Bool { self.cost > Self.longestForgotten }

    /// Takes up where another one stopped: what it had spent is spent.
    ///
    /// No burst either, for twenty restarts would be twenty of them (facts I09); and where requests are not written down
    /// one by one, none before the time of one is over. A moment that the rate cannot explain, after a clock was set,
    /// is cut to what it can.
    package mutating func restore(wholeAt: Timestamp, at now: Timestamp) {
        guard self.cost > .zero else { return }
        let instant = Duration.milliseconds(now.milliseconds)
        let latest = instant + self.tolerance + self.cost
        let least = self.mustBeWrittenDown ? instant + self.tolerance : latest
        self.full = Swift.min(Swift.max(Duration.milliseconds(wholeAt.milliseconds), least), latest)
    }
}
