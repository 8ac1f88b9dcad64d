import RefreshCore
import RefreshEngine

/// The name of one hand-off, good for one use: 128 random bits.
struct Ticket: Hashable, Sendable {
    /// Lower-case hexadecimal.
    let text: String

    static let byteCount = 16

    init(_ bytes: [UInt8]) {
        precondition(bytes.count == Self.byteCount)
        self.text = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Reads a ticket; nil for anything that was never given out.
    init?(_ text: Substring) {
        guard text.utf8.count == Self.byteCount * 2,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.text = String(text)
    }
}

/// The tickets that have been given out and not used, in the order of their ends.
///
/// Pure: `now` comes in. In memory only: after a restart a page asks for another one.
struct TicketBook: Sendable {
    /// How long a ticket is good for: from the rendering of a page to its first image.
    static let life = Duration.seconds(60)
    /// How many there are at most; of more, the oldest falls.
    static let capacity = 65_536
    /// The same for one account, so that a page in a loop pushes out nobody else's.
    static let capacityOfAccount = 16

    private struct Entry {
        var offer: HandoffOffer
        var end: Timestamp
    }

    private let capacity: Int
    private var entries: [Ticket: Entry] = [:]
    private var byAccount: [AccountID: [Ticket]] = [:]
    /// By age; tickets that were used stay in it until they come to the front.
    private var order: [Ticket] = []
    private var head = 0

    init(capacity: Int = Self.capacity) { self.capacity = capacity }

    var count: Int { self.entries.count }

    /// Writes a ticket down.
    ///
    /// - Returns: The moment from which on it is not good any more.
    mutating func add(_ ticket: Ticket, _ offer: HandoffOffer, at now: Timestamp) -> Timestamp {
        self.dropEnded(at: now)
        if let own = self.byAccount[offer.account], own.count >= Self.capacityOfAccount { self.drop(own[0]) }
        while self.entries.count >= self.capacity, self.dropOldest() {}
        let end = now + Self.life
        self.entries[ticket] = Entry(offer: offer, end: end)
        self.byAccount[offer.account, default: []].append(ticket)
        self.order.append(ticket)
        return end
    }

    /// Uses a ticket up.
    ///
    /// - Returns: Nil for one that is unknown, was used, or has ended.
    mutating func take(_ ticket: Ticket, at now: Timestamp) -> HandoffOffer? {
        guard let entry = self.drop(ticket), now < entry.end else { return nil }
        return entry.offer
    }

    @discardableResult private mutating func drop(_ ticket: Ticket) -> Entry? {
        guard let entry = self.entries.removeValue(forKey: ticket) else { return nil }
        let account = entry.offer.account
        self.byAccount[account]?.removeAll { $0 == ticket }
        if self.byAccount[account]?.isEmpty == true { self.byAccount[account] = nil }
        return entry
    }

    private mutating func dropEnded(at now: Timestamp) {
        while self.head < self.order.count {
            // One that was used is in the way; one that is good still ends the search, for all live equally long.
            if let entry = self.entries[self.order[self.head]], now < entry.end { break }
            self.drop(self.order[self.head])
            self.head += 1
        }
        self.compact()
    }

    private mutating func dropOldest() -> Bool {
        defer { self.compact() }
        while self.head < self.order.count {
            let ticket = self.order[self.head]
            self.head += 1
            if self.drop(ticket) != nil { return true }
        }
        return false
    }

    /// Keeps what has gone from making up more than half of the list.
    private mutating func compact() {
        guard self.head > 1_024 || self.head == self.order.count, self.head * 2 >= self.order.count else { return }
        self.order.removeFirst(self.head)
        self.head = 0
    }
}
