package import RefreshCore

extension RetryAfter {
    /// How long an answer that is an error asks us to wait, by its header or in the two other ways in which providers
    /// say it.
    ///
    /// Not for success: there the header means something else (Huddle sends it with every answer, as the time to the
    /// end of its window).
    ///
    /// - Parameters:
    ///   - answer: Of any status but success.
    ///   - error: Its body, if that could be read.
    ///   - profile: Says where else to look.
    ///   - now: UTC.
    /// - Returns: 1 s to 1 h; nil when nothing is asked for, or nothing that can be read (facts F03).
    package static func wait(
        in answer: RawAnswer,
        error: ErrorResponse?,
        profile: ProviderProfile,
        now: Timestamp
    ) -> Duration? {
        let headers = answer.headers.lazy.filter { $0.name == "retry-after" }.map(\.value)
        if let wait = Self.wait(headers, now: now) { return wait }
        if let wait = error?.wait { return RetryAfterLimit.clamp(wait) }
        // The seconds behind `next=`, as in SmartFile's older servers, with status 503.
        if profile.usesThrottleHeader, let value = answer.header("x-throttle"),
            let start = value.firstRange(of: "next=")?.upperBound
        {
            return Self.wait(String(value[start...].prefix { $0.isASCII && $0.isNumber }), now: now)
        }
        return nil
    }
}
