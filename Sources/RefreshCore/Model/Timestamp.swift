/// A moment, in milliseconds since 1970-01-01 00:00 UTC.
///
/// Arithmetic is clamped to the ends of the range (some 292 million years away), so that a provider's
/// `expires_in` of 2^63 seconds cannot overflow anything (facts D11).
package struct Timestamp: InstantProtocol, Hashable, Sendable, CustomStringConvertible {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// A moment given in Unix seconds.
    package init(seconds: Int64) {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        self.milliseconds = overflow ? (seconds < 0 ? .min : .max) : product
    }

    package static let epoch = Timestamp(milliseconds: 0)

    /// Unix seconds, rounded down: an expiry told to a client is never later than the real one.
    package var seconds: Int64 {
        let (quotient, remainder) = self.milliseconds.quotientAndRemainder(dividingBy: 1_000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    package func advanced(by duration: Duration) -> Timestamp {
        let (sum, overflow) = self.milliseconds.addingReportingOverflow(duration.milliseconds)
        return Timestamp(milliseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    package func duration(to other: Timestamp) -> Duration {
        let (difference, overflow) = other.milliseconds.subtractingReportingOverflow(self.milliseconds)
        return .milliseconds(overflow ? (other < self ? Int64.min : Int64.max) : difference)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    package static func + (moment: Timestamp, duration: Duration) -> Timestamp { moment.advanced(by: duration) }
    package static func - (moment: Timestamp, duration: Duration) -> Timestamp { moment.advanced(by: .zero - duration) }
    package static func - (later: Timestamp, earlier: Timestamp) -> Duration { earlier.duration(to: later) }

    package var description: String { "\(self.milliseconds) ms" }
}

extension Duration {
    /// Whole milliseconds, rounded towards zero and clamped to `Int64`.
    package var milliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return carried ? (seconds < 0 ? .min : .max) : sum
    }

    /// A share of the duration, by way of milliseconds.
    ///
    /// - Parameter share: Finite; `0...1` for a part, more for a multiple.
    /// - Returns: The share, clamped.
    package func scaled(by share: Double) -> Duration {
        let scaled = Double(self.milliseconds) * share
        guard scaled.magnitude < 0x1p62 else { return .milliseconds(scaled < 0 ? Int64.min / 2 : Int64.max / 2) }
        return .milliseconds(Int64(scaled))
    }
}
