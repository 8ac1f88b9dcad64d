/// How long to wait after failure n.
///
/// Doubles from `first` to `last`. The jitter is the account's own fixed share, so a restart computes the same wait
/// and ten thousand accounts that failed together do not come back together.
package struct RetryLadder: Hashable, Sendable {
    package var first: Duration
    package var last: Duration

    package init(first: Duration, last: Duration) {
        self.first = first
        self.last = last
    }

    /// Trouble that passes: 1 s to 5 min (facts F02).
    package static let transient = RetryLadder(first: .seconds(1), last: .seconds(300))
    /// The provider refuses the client, or answers what no token endpoint answers: 1 min to 1 h (facts F10, F11).
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
    /// - Returns: Between half of the step and the whole of it.
    package func wait(after count: Int, phase: Double) -> Duration {
        let doublings = Swift.min(Swift.max(count, 1) - 1, 30)
        let step = Swift.min(self.first * (1 << doublings), self.last)
        return step.scaled(by: 0.5 + 0.5 * phase)
    }
}
