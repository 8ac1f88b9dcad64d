import OAuth
import RefreshCore

/// The authorizations that wait for a person, by their state.
///
/// Each is taken out once, and none outlives its time. There is room for so many: a site that begins one for every visitor
/// of a page must not fill the memory.
struct PendingAuthorizations {
    /// An address was opened; whoever answers brings a code.
    struct ByCode {
        var request: AuthorizationRequest
        var account: AccountID
        /// Who ought to answer; nil when nobody has said.
        var issuer: String?
        var issuerIsNamed: Bool
        var expiresAt: Timestamp
    }

    /// How long a person has to come back.
    static let lifetime: Duration = .seconds(600)
    /// In all.
    static let limit = 4_096
    /// For one account.
    ///
    /// One more, and the oldest is forgotten: a person who begins anew has given up what was before.
    static let limitPerAccount = 8

    private var entries: [String: ByCode] = [:]
    /// States in the order in which they expire; some may be taken out already.
    private var order: [String] = []
    private var byAccount: [AccountID: [String]] = [:]

    var count: Int { self.entries.count }

    /// - Returns: False when there is no room.
    mutating func insert(_ entry: ByCode, at now: Timestamp) -> Bool {
        self.expire(at: now)
        let known = self.byAccount[entry.account] ?? []
        if known.count >= Self.limitPerAccount, let oldest = known.first { _ = self.take(oldest, at: now) }
        guard self.entries.count < Self.limit else { return false }
        self.entries[entry.request.state] = entry
        self.order.append(entry.request.state)
        self.byAccount[entry.account, default: []].append(entry.request.state)
        return true
    }

    /// The entry, which stays.
    func entry(_ state: String, at now: Timestamp) -> ByCode? {
        self.entries[state].flatMap { $0.expiresAt > now ? $0 : nil }
    }

    /// The entry, which is out from now on; nil when there is none, or not any more.
    mutating func take(_ state: String, at now: Timestamp) -> ByCode? {
        guard let entry = self.entries.removeValue(forKey: state) else { return nil }
        self.byAccount[entry.account]?.removeAll { $0 == state }
        if self.byAccount[entry.account]?.isEmpty == true { self.byAccount[entry.account] = nil }
        return entry.expiresAt > now ? entry : nil
    }

    /// Puts back what was taken out and then not used: it is certain that the provider has not seen the code.
    mutating func putBack(_ entry: ByCode) {
        self.entries[entry.request.state] = entry
        self.byAccount[entry.account, default: []].append(entry.request.state)
        // It may stand in the order still; twice does no harm.
        self.order.append(entry.request.state)
    }

    private mutating func expire(at now: Timestamp) {
        let dead = self.order.prefix { state in self.entries[state].map { $0.expiresAt <= now } ?? true }
        for state in dead { _ = self.take(state, at: now) }
        self.order.removeFirst(dead.count)
        // Taken out ones behind a living one; so that the list is about as long as the table.
        if self.order.count > 2 * Self.limit { self.order.removeAll { self.entries[$0] == nil } }
    }
}
