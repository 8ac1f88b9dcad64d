/// What the `set_keys` endpoint took, for each public key and storage key.
struct DeliveryBook: Sendable {
    struct Channel: Hashable, Sendable {
        let publicKey: String
        let storageKey: String
    }

    struct Entry: Hashable, Sendable {
        /// nil for a token that nobody issued, where those are accepted.
        let grant: Int?
        let generation: Int?
    }

    struct Record: Sendable {
        /// How many of the last entries are kept.
        static let limit = 10_000

        var entries: [Entry] = []
        var accepted = 0
        var repeats = 0
        var outOfOrder = 0
        var deadOnArrival = 0
        var withRefreshToken = 0
        /// The newest generation of each grant that arrived here.
        var newest: [Int: Int] = [:]
    }

    var records: [Channel: Record] = [:]
    var requests = 0
    var refused = 0

    /// Enters an acceptance.
    ///
    /// - Returns: Whether a newer generation of the same grant came here before.
    mutating func accept(_ entry: Entry, on channel: Channel, isDead: Bool, hasRefreshToken: Bool) -> Bool {
        var isOutOfOrder = false
        // In place, through the dictionary: a copy would cost the whole list each time.
        self.update(&self.records[channel, default: Record()]) { record in
            if record.entries.count >= 2 * Record.limit { record.entries.removeFirst(Record.limit) }
            record.entries.append(entry)
            record.accepted += 1
            if isDead { record.deadOnArrival += 1 }
            if hasRefreshToken { record.withRefreshToken += 1 }
            guard let grant = entry.grant, let generation = entry.generation else { return }
            let newest = record.newest[grant] ?? 0
            isOutOfOrder = generation < newest
            if isOutOfOrder { record.outOfOrder += 1 }
            if generation == newest { record.repeats += 1 }
            record.newest[grant] = max(newest, generation)
        }
        return isOutOfOrder
    }

    private func update(_ record: inout Record, _ change: (inout Record) -> Void) {
        change(&record)
    }
}

extension Ledger {
    /// What `set_keys` brought, after its form was found right.
    struct KeySet: Hashable, Sendable {
        var publicKey: String
        var storageKey: String
        var accessToken: String
        var refreshToken: String?
    }

    /// Takes a key set, or says why not.
    ///
    /// A dead access token is taken and counted: the far side cannot know, and the judge must see it.
    ///
    /// - Returns: nil when accepted, else words for a person.
    mutating func accept(_ keys: KeySet, acceptsUnknown: Bool, at now: Double) -> String? {
        let channel = DeliveryBook.Channel(publicKey: keys.publicKey, storageKey: keys.storageKey)
        guard let (place, generation) = self.find(accessToken: keys.accessToken) else {
            guard acceptsUnknown else { return "unknown access token" }
            _ = self.deliveries.accept(
                DeliveryBook.Entry(grant: nil, generation: nil),
                on: channel,
                isDead: false,
                hasRefreshToken: keys.refreshToken != nil
            )
            return nil
        }
        if let refreshToken = keys.refreshToken, self.find(refreshToken: refreshToken)?.grant != place {
            return "access token and refresh token are of different grants"
        }
        let isOutOfOrder = self.deliveries.accept(
            DeliveryBook.Entry(grant: place, generation: generation),
            on: channel,
            isDead: !self.grants[place].isGood(generation: generation, at: now),
            hasRefreshToken: keys.refreshToken != nil
        )
        self.grants[place].sink.append(generation, isOutOfOrder: isOutOfOrder)
        return nil
    }
}
