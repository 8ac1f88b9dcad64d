import RefreshCore

/// Who is to be delivered to one sink, and when it will hear from us: pure, `now` comes in.
///
/// One delivery at a time for each account, so that the newest generation is the last to arrive. A sink in trouble gets
/// one probe at a time; the others wait behind it.
struct SinkQueue: Sendable {
    private var order: [AccountID] = []
    private var head = 0
    private var queued: Set<AccountID> = []
    private var underWay: Set<AccountID> = []
    /// Those that have something newer since they went.
    private var again: Set<AccountID> = []
    private var closedUntil = Timestamp(milliseconds: .min)
    private(set) var failures = 0

    static let concurrency = 16

    var count: Int { self.queued.count + self.underWay.count }

    /// When the sink may be tried again, if somebody waits for that.
    func opens(after now: Timestamp) -> Timestamp? {
        self.queued.isEmpty || self.closedUntil <= now ? nil : self.closedUntil
    }

    mutating func add(_ account: AccountID) {
        if self.underWay.contains(account) {
            self.again.insert(account)
        } else if self.queued.insert(account).inserted {
            self.order.append(account)
        }
    }

    mutating func remove(_ account: AccountID) {
        self.queued.remove(account)
        self.again.remove(account)
    }

    /// Nobody waits any more; what is under way goes on to its end.
    mutating func clear() {
        self.queued = []
        self.again = []
    }

    /// Takes the next account that may go.
    mutating func next(at now: Timestamp) -> AccountID? {
        guard self.closedUntil <= now, self.underWay.count < (self.failures > 0 ? 1 : Self.concurrency) else {
            return nil
        }
        while self.head < self.order.count {
            let account = self.order[self.head]
            self.head += 1
            if self.head > 1_024, self.head * 2 > self.order.count {
                self.order.removeFirst(self.head)
                self.head = 0
            }
            guard self.queued.remove(account) != nil else { continue }
            self.underWay.insert(account)
            return account
        }
        self.order.removeAll(keepingCapacity: true)
        self.head = 0
        return nil
    }

    /// The sink answered, with yes or no.
    mutating func answered(_ account: AccountID) {
        self.failures = 0
        self.underWay.remove(account)
        if self.again.remove(account) != nil { self.add(account) }
    }

    /// The sink could not: the account goes back, and everybody waits.
    mutating func failed(_ account: AccountID, retryAfter: Duration?, at now: Timestamp, phase: Double) -> Timestamp {
        self.failures += 1
        self.underWay.remove(account)
        self.again.remove(account)
        self.add(account)
        let wait = Swift.max(
            RetryLadder.sink.wait(after: self.failures, phase: phase),
            retryAfter.map(RetryAfterLimit.clamp) ?? .zero
        )
        self.closedUntil = Swift.max(self.closedUntil, now + wait)
        return self.closedUntil
    }

    /// Nothing was asked of the sink: the account is gone, or its token could not be read just now.
    mutating func dropped(_ account: AccountID) {
        self.underWay.remove(account)
        if self.again.remove(account) != nil { self.add(account) }
    }

    /// A new configuration: whoever waits may try at once.
    mutating func reopen() {
        self.closedUntil = Timestamp(milliseconds: .min)
        self.failures = 0
    }
}
