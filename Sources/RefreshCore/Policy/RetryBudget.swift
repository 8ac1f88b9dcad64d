/// How many of a lane's requests may be second tries: a tenth of the first ones over any minute (facts K05).
///
/// Back-off alone does not keep retries few: where every tenth request fails for ten thousand accounts, each waits
/// politely and together they double the load. The floor is one a second, so that a lane with few accounts is
/// not left waiting for first tries that nobody will make. The breaker's probe needs no leave from here.
package struct RetryBudget: Hashable, Sendable {
    /// The share of first tries that may be tried again.
    package static let share = 0.1
    /// Below the share, one try again may go this long after the last.
    package static let floor: Duration = .seconds(1)

    private struct Second: Hashable, Sendable {
        var firsts = 0
        var retries = 0
    }

    private static let minute = 60
    /// The last minute by seconds, each in the place of its number modulo sixty.
    private var seconds = [Second](repeating: Second(), count: Self.minute)
    private var firsts = 0
    private var retries = 0
    private var newest = Int64.min
    private var lastRetry: Timestamp?

    package init() {}

    /// Whether a request may be a second try.
    ///
    /// - Returns: Nil when it may; else the moment from which on it may at the latest.
    package mutating func wait(at now: Timestamp) -> Timestamp? {
        self.advance(to: now)
        if Double(self.retries + 1) <= Double(self.firsts) * Self.share { return nil }
        guard let lastRetry else { return nil }
        let next = lastRetry + Self.floor
        return next > now ? next : nil
    }

    package mutating func countFirst(at now: Timestamp) {
        self.advance(to: now)
        self.firsts += 1
        self.seconds[self.place(of: self.newest)].firsts += 1
    }

    package mutating func countRetry(at now: Timestamp) {
        self.advance(to: now)
        self.retries += 1
        self.seconds[self.place(of: self.newest)].retries += 1
        self.lastRetry = now
    }

    private func place(of second: Int64) -> Int { Int(((second % 60) + 60) % 60) }

    /// Forgets what is more than a minute old.
    private mutating func advance(to now: Timestamp) {
        let second = now.seconds
        guard second > self.newest else { return }
        let (gap, isFar) = second.subtractingReportingOverflow(self.newest)
        if isFar || gap >= Int64(Self.minute) {
            self.seconds = [Second](repeating: Second(), count: Self.minute)
            (self.firsts, self.retries) = (0, 0)
        } else {
            for number in (self.newest + 1)...second {
                let place = self.place(of: number)
                self.firsts -= self.seconds[place].firsts
                self.retries -= self.seconds[place].retries
                self.seconds[place] = Second()
            }
        }
        self.newest = second
    }
}
