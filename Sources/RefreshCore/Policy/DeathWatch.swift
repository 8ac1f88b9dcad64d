/// Notices when the grants of a client die in numbers, which no user does (facts F16, T15, B17).
///
/// A machine that was rolled back, a second program with the same refresh tokens, a provider that changed its rules:
/// each kills every grant that is spent, and only those. So the spending has to stop, until somebody has looked.
package struct DeathWatch: Hashable, Sendable {
    package static let window: Duration = .seconds(600)
    /// Fewer deaths than this are never too many.
    package static let least = 20

    /// When grants died within the window, oldest first.
    package private(set) var deaths: [Timestamp] = []

    package init(deaths: [Timestamp] = []) { self.deaths = deaths }

    /// How many deaths within the window are too many: more than one grant of a hundred, and 20 at least.
    package static func limit(grants: Int) -> Int { Swift.max(Self.least, grants / 100 + 1) }

    /// How many died in the ten minutes before `now`.
    package mutating func count(at now: Timestamp) -> Int {
        // Nothing to do nearly always, and this is asked before every request.
        guard let oldest = self.deaths.first, oldest + Self.window <= now else { return self.deaths.count }
        self.deaths.removeAll { $0 + Self.window <= now }
        return self.deaths.count
    }

    /// One more grant died.
    ///
    /// - Returns: Whether those are too many.
    package mutating func died(at now: Timestamp, grants: Int) -> Bool {
        self.deaths.append(now)
        return self.count(at: now) >= Self.limit(grants: grants)
    }

    package mutating func forget() { self.deaths = [] }
}
