/// What a server's `Retry-After` is allowed to ask of us.
package enum RetryAfterLimit {
    /// Clamps to 1 s … 1 h: a negative wait is none, and an absurd one must not end a month of service (facts F03).
    package static func clamp(_ wait: Duration) -> Duration { Swift.min(Swift.max(wait, .seconds(1)), .seconds(3_600)) }
}
