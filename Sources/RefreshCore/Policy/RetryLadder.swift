/// How long to wait after failure n.
///
/// The step doubles from `first` to `last`. The jitter is computed from the account's own fixed share, so a restart
/// computes the same wait, and ten thousand accounts that failed together do not come back together.
package struct RetryLadder: Hashable, Sendable {
    package enum Jitter: Hashable, Sendable {
        /// From half of the step to the whole of it.
        case half
        /// From `first` to the step after this one: spreads most widely what failed in one moment (facts F02).
        case full
    }

    package var first: Duration
    package var last: Duration
    package var jitter: Jitter

    package init(first: Duration, last: Duration, jitter: Jitter = .half) {
        self.first = first
        self.last = last
        self.jitter = jitter
    }

    /// Trouble that passes: 1 s to 5 min (facts F02).
    package static let transient = RetryLadder(first: .seconds(1), last: .seconds(300), jitter: .full)
    /// The probes of a lane in trouble: never two in one second, and none later than 30 s, so that a lane is back
    /// within a minute of the provider (facts F04).
    package static let probe = RetryLadder(first: .seconds(2), last: .seconds(30))
    /// The provider refuses the client: 1 min to 1 h (facts F10).
    package static let configuration = RetryLadder(first: .seconds(60), last: .seconds(3_600))
    /// A sink that cannot be reached: 1 s to 10 min.
    package static let sink = RetryLadder(first: .seconds(1), last: .seconds(600))
    /// The store: 100 ms to 5 s, for every account waits for it.
    package static let store = RetryLadder(first: .milliseconds(100), last: .seconds(5))

    /// The wait after the `count`-th failure in a row.
    ///
    /// - Parameters:
    ///   - count: 1 or more; less counts as 1.
    ///   - phase: The share of jitter, in `0..<1`.
    /// - Returns: For `half` between half of the step and the whole of it; for `full` between `first` and the next step.
    package func wait(after count: Int, phase: Double) -> Duration {
        let doublings = Swift.min(Swift.max(count, 1) - 1, 30)
        switch self.jitter {
        case .half:
            return Swift.min(self.first * (1 << doublings), self.last).scaled(by: 0.5 + 0.5 * phase)
        case .full:
            let step = Swift.min(self.first * (1 << (doublings + 1)), self.last)
            return self.first + (step - self.first).scaled(by: Self.share(phase, after: count))
        }
    }

    /// Another share for each failure, or whoever has a small one would come back first every time.
    ///
    /// Steps of the golden ratio fill the unit evenly, whatever the phase they begin with.
    private static func share(_ phase: Double, after count: Int) -> Double {
        let share = phase + Double(Swift.max(count, 1) - 1).truncatingRemainder(dividingBy: 1e6) * 0.618_033_988_749_895
        return share - share.rounded(.down)
    }
}
