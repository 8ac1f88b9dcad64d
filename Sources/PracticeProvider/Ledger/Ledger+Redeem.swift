/// What became of a refresh token that a client brought.
enum RedeemOutcome: Hashable, Sendable {
    /// `generation` is committed, or given once more; the answer is to be built from it.
    case granted(grant: Int, generation: Int)
    /// `invalid_grant` (RFC 6749 §5.2), with words for a person.
    case refused(reason: String)
}

extension Ledger {
    /// A request at the token endpoint named this refresh token; its redeem is now under way.
    ///
    /// - Returns: The grant, to be handed to `redeemEnded`; nil for a token that is none of ours.
    mutating func redeemBegan(refreshToken text: String) -> Int? {
        guard let place = self.find(refreshToken: text)?.grant else { return nil }
        self.grants[place].requests += 1
        self.grants[place].inFlight += 1
        self.grants[place].maximumInFlight = max(self.grants[place].maximumInFlight, self.grants[place].inFlight)
        return place
    }

    /// The request is over: answered, or its connection is gone.
    mutating func redeemEnded(grant: Int) {
        self.grants[grant].inFlight -= 1
    }

    /// Redeems a refresh token for `client`.
    ///
    /// This is the moment at which the server commits.
    mutating func redeem(refreshToken text: String, client: String, at now: Double) -> RedeemOutcome {
        guard let (place, serial) = self.find(refreshToken: text), self.grants[place].client == client else {
            // RFC 6749 §5.2: issued to another client is `invalid_grant`, as unknown is.
            return .refused(reason: "unknown refresh token")
        }
        let token = self.grants[place].refreshTokens[serial]
        if self.isSpent(token, at: now) {
            self.grants[place].doubleRedeems += 1
            self.grants[place].refusals += 1
            switch self.grants[place].terms.blast {
            case .none: break
            case .family: self.revoke(grant: place, by: .reuse)
            case .clientUser: self.revoke(client: client, user: self.grants[place].user, by: .reuse)
            }
            return .refused(reason: "refresh token was used before")
        }
        guard self.grants[place].revokedBy == nil else {
            self.grants[place].refusals += 1
            return .refused(reason: "grant is revoked")
        }
        guard !self.grants[place].isTooOld(refreshToken: serial, at: now) else {
            self.grants[place].refusals += 1
            return .refused(reason: "refresh token has expired")
        }
        if let child = token.latestChild, self.grants[place].terms.rotation != .n {
            self.grants[place].replays += 1
            if self.grants[place].terms.rotation == .g, self.grants[place].terms.repeatsAnswer {
                return .granted(grant: place, generation: child)
            }
        }
        return .granted(grant: place, generation: self.grants[place].commit(redeeming: serial, at: now))
    }

    /// The answer that carries `generation` was handed to the socket whole.
    mutating func delivered(grant: Int, generation: Int, at now: Double) {
        self.grants[grant].answersDelivered += 1
        // The first time counts: what a second answer brings, the client may have had already.
        let earlier = self.grants[grant].commits[generation - 1].deliveredAt
        self.grants[grant].commits[generation - 1].deliveredAt = earlier ?? now
    }

    /// Whether a redeem of this token is a double redeem.
    ///
    /// A revoked grant's newest token was not spent by anybody.
    private func isSpent(_ token: Grant.RefreshToken, at now: Double) -> Bool {
        switch token.condition {
        case .good: false
        case .inGrace(let end): now >= end
        case .spent: true
        }
    }
}
