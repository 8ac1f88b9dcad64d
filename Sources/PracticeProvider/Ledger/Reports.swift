/// What the judge knows of one grant.
package struct GrantRecord: Codable, Hashable, Sendable {
    package var account: String
    package var client: String
    package var user: String
    package var rotation: RotationClass
    package var revoked: Bool
    /// `judge`, `client` (RFC 7009), or `reuse` of a spent refresh token.
    package var revokedBy: String?
    /// How many answers were committed; the tokens made with the grant are the first.
    package var generation: Int
    /// When, in Unix seconds by the server's clock.
    package var committedAt: Double
    package var issuedRefreshTokens: Int
    package var goodRefreshTokens: Int
    package var newestRefreshTokenIsGood: Bool
    /// Requests at the token endpoint that named a refresh token of this grant.
    package var requests: Int
    /// Redeems of a token that was redeemed before and is still good, but for class N, where each one is.
    package var replays: Int
    /// Redeems of a token that was spent and not, or no longer, in grace.
    package var doubleRedeems: Int
    /// Answers `invalid_grant`.
    package var refusals: Int
    /// The most redeems that were under way at one time.
    package var maximumInFlight: Int
    /// Answers that were handed to the socket whole.
    package var answersDelivered: Int
    package var lastDeliveredGeneration: Int
    /// When that one had left, in Unix seconds by the server's clock: what a client lost that had it for long, it lost
    /// by its own fault.
    package var lastDeliveredAt: Double
    /// Generations that no answer ever carried out whole, ascending.
    package var undelivered: [Int]
    /// The last generations that `set_keys` took, over all its channels, in order.
    package var sinkGenerations: [Int]
    package var sinkLastGeneration: Int?
    /// How many of them were older than one that was taken on the same channel before.
    package var sinkOutOfOrder: Int
}

/// What the judge knows of all.
package struct PracticeSummary: Codable, Hashable, Sendable {
    package var grants = 0
    package var revoked = 0
    /// 0 without grants.
    package var generationMin = 0
    package var generationMax = 0
    /// Generations after the first of each grant.
    package var commits = 0
    package var tokenRequests = 0
    /// Token requests refused for client or form.
    package var clientRefusals = 0
    /// Answers `invalid_grant` to known refresh tokens.
    package var refusals = 0
    package var replays = 0
    package var doubleRedeems = 0
    package var grantsWithDoubleRedeem = 0
    package var maximumInFlight = 0
    package var answersDelivered = 0
    /// Generations that never left whole.
    package var undelivered = 0
    package var sinkRequests = 0
    package var sinkAccepted = 0
    package var sinkRefused = 0
    /// Acceptances of a generation that was the newest already.
    package var sinkRepeats = 0
    package var sinkOutOfOrder = 0
    /// Acceptances of an access token that was no longer good.
    package var sinkDeadOnArrival = 0
    /// Grants whose last accepted generation is not the committed one, of those that were ever delivered.
    package var sinkBehind = 0
    package var userinfoRequests = 0
    package var faultsDone = 0
    package var faultsWaiting = 0
    package var connections = 0
    package var connectionsOpen = 0
}

/// What `set_keys` took for one public key and storage key.
package struct DeliveryRecord: Codable, Hashable, Sendable {
    package struct Entry: Codable, Hashable, Sendable {
        /// nil for an access token that nobody issued.
        package var account: String?
        package var generation: Int?
    }

    package var publicKey: String
    package var storageKey: String
    package var accepted: Int
    package var repeats: Int
    package var outOfOrder: Int
    package var deadOnArrival: Int
    package var withRefreshToken: Int
    /// In order of acceptance, the last ones.
    package var entries: [Entry]
}

extension Ledger {
    func record(grant place: Int, at now: Double) -> GrantRecord {
        let grant = self.grants[place]
        let delivered = grant.commits.lastIndex { $0.isDelivered }
        return GrantRecord(
            account: grant.account,
            client: grant.client,
            user: grant.user,
            rotation: grant.terms.rotation,
            revoked: grant.revokedBy != nil,
            revokedBy: grant.revokedBy?.rawValue,
            generation: grant.generation,
            committedAt: grant.commits[grant.generation - 1].at,
            issuedRefreshTokens: grant.refreshTokens.count,
            goodRefreshTokens: grant.refreshTokens.indices.count { grant.isGood(refreshToken: $0, at: now) },
            newestRefreshTokenIsGood: grant.isGood(refreshToken: grant.refreshTokens.count - 1, at: now),
            requests: grant.requests,
            replays: grant.replays,
            doubleRedeems: grant.doubleRedeems,
            refusals: grant.refusals,
            maximumInFlight: grant.maximumInFlight,
            answersDelivered: grant.answersDelivered,
            lastDeliveredGeneration: (delivered ?? 0) + 1,
            lastDeliveredAt: grant.commits[delivered ?? 0].deliveredAt ?? 0,
            undelivered: grant.commits.indices.filter { !grant.commits[$0].isDelivered }.map { $0 + 1 },
            sinkGenerations: grant.sink.generations.suffix(SinkHistory.limit).map { $0 },
            sinkLastGeneration: grant.sink.last,
            sinkOutOfOrder: grant.sink.outOfOrder
        )
    }

    func summary() -> PracticeSummary {
        var summary = PracticeSummary()
        summary.grants = self.grants.count
        summary.generationMin = self.grants.lazy.map(\.generation).min() ?? 0
        for grant in self.grants {
            if grant.revokedBy != nil { summary.revoked += 1 }
            summary.generationMax = max(summary.generationMax, grant.generation)
            summary.commits += grant.generation - 1
            summary.refusals += grant.refusals
            summary.replays += grant.replays
            summary.doubleRedeems += grant.doubleRedeems
            if grant.doubleRedeems > 0 { summary.grantsWithDoubleRedeem += 1 }
            summary.maximumInFlight = max(summary.maximumInFlight, grant.maximumInFlight)
            summary.answersDelivered += grant.answersDelivered
            summary.undelivered += grant.commits.count { !$0.isDelivered }
            if let last = grant.sink.last, last != grant.generation { summary.sinkBehind += 1 }
        }
        summary.tokenRequests = self.tally.tokenRequests
        summary.clientRefusals = self.tally.clientRefusals
        summary.userinfoRequests = self.tally.userinfoRequests
        summary.faultsDone = self.tally.faultsDone
        summary.sinkRequests = self.deliveries.requests
        summary.sinkRefused = self.deliveries.refused
        for record in self.deliveries.records.values {
            summary.sinkAccepted += record.accepted
            summary.sinkRepeats += record.repeats
            summary.sinkOutOfOrder += record.outOfOrder
            summary.sinkDeadOnArrival += record.deadOnArrival
        }
        return summary
    }

    /// The sink's channels, by public key and storage key.
    func deliveryRecords() -> [DeliveryRecord] {
        self.deliveries.records
            .sorted { ($0.key.publicKey, $0.key.storageKey) < ($1.key.publicKey, $1.key.storageKey) }
            .map { channel, record in
                DeliveryRecord(
                    publicKey: channel.publicKey,
                    storageKey: channel.storageKey,
                    accepted: record.accepted,
                    repeats: record.repeats,
                    outOfOrder: record.outOfOrder,
                    deadOnArrival: record.deadOnArrival,
                    withRefreshToken: record.withRefreshToken,
                    entries: record.entries.suffix(DeliveryBook.Record.limit).map { entry in
                        DeliveryRecord.Entry(
                            account: entry.grant.map { self.grants[$0].account },
                            generation: entry.generation
                        )
                    }
                )
            }
    }
}
