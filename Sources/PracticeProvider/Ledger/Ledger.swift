/// Every client, grant and token of the server: the one truth by which others are judged.
///
/// A plain value that knows neither clock nor connection. Each operation takes the time it happens at and costs the
/// same whether there are ten grants or a million.
struct Ledger: Sendable {
    struct Owner: Hashable, Sendable {
        let client: String
        let user: String
    }

    /// The prefix of every token.
    let canary: String
    var clients: [String: PracticeClient] = [:]
    var grants: [Grant] = []
    var deliveries = DeliveryBook()
    var tally = Tally()
    var consents = ConsentBook()
    /// The server's own address.
    var issuer = ""

    private var places: [String: Int] = [:]
    private var owned: [Owner: [Int]] = [:]

    init(canary: String) {
        self.canary = canary
    }

    /// Makes the grants of an order, all or none.
    mutating func issue(_ order: GrantOrder, at now: Double) throws(PracticeError) -> [IssuedGrant] {
        guard self.clients[order.client] != nil else { throw .unknownClient(order.client) }
        guard order.count >= 1, order.grantsPerUser >= 1 else { throw .badOrder("counts begin with 1") }
        let subjects = (1...order.count).map { "\(order.prefix)\($0)" }
        for subject in subjects where self.places["\(order.client)/\(subject)"] != nil {
            throw .accountExists("\(order.client)/\(subject)")
        }
        self.grants.reserveCapacity(self.grants.count + order.count)
        return subjects.enumerated().map { index, subject in
            let user = subjects[index - index % order.grantsPerUser]
            return self.issue(subject: subject, client: order.client, user: user, terms: order.terms, at: now)
        }
    }

    /// Makes one grant with a name of its own.
    mutating func issue(account: String, terms: GrantTerms, at now: Double) throws(PracticeError) -> IssuedGrant {
        guard let slash = account.firstIndex(of: "/"), slash != account.startIndex else {
            throw .badOrder("“\(account)” is not of the form CLIENT/SUBJECT")
        }
        let client = String(account[..<slash])
        let subject = String(account[slash...].dropFirst())
        guard !subject.isEmpty else { throw .badOrder("“\(account)” is not of the form CLIENT/SUBJECT") }
        guard self.clients[client] != nil else { throw .unknownClient(client) }
        guard self.places[account] == nil else { throw .accountExists(account) }
        return self.issue(subject: subject, client: client, user: subject, terms: terms, at: now)
    }

    mutating func issue(
        subject: String,
        client: String,
        user: String,
        terms: GrantTerms,
        at now: Double
    ) -> IssuedGrant {
        let account = "\(client)/\(subject)"
        let place = self.grants.count
        self.grants.append(Grant(account: account, client: client, user: user, terms: terms, now: now))
        self.places[account] = place
        self.owned[Owner(client: client, user: user), default: []].append(place)
        let answer = self.answer(grant: place, generation: 1, at: now)
        return IssuedGrant(
            account: account,
            accessToken: answer.accessToken,
            tokenType: "Bearer",
            expiresIn: terms.notice == .absent ? nil : (terms.notice == .zero ? 0 : terms.lifetime),
            refreshToken: self.refreshToken(grant: place, serial: 0),
            scope: terms.scope,
            issuedAt: Int(now),
            tokenJSON: self.firstAnswer(grant: place, at: now)
                ?? TokenAnswer(answer, refreshToken: self.refreshToken(grant: place, serial: 0)).json
        )
    }

    func place(of account: String) throws(PracticeError) -> Int {
        guard let place = self.places[account] else { throw .unknownAccount(account) }
        return place
    }

    // MARK: Tokens and their text

    /// The grant and the serial of a refresh token we made, good or not.
    func find(refreshToken text: String) -> (grant: Int, serial: Int)? {
        guard let token = TokenText.parse(text, prefix: self.canary), token.kind == .refresh else { return nil }
        guard self.grants.indices.contains(token.grant) else { return nil }
        let known = self.grants[token.grant].refreshTokens
        guard known.indices.contains(token.serial), known[token.serial].secret == token.secret else { return nil }
        return (token.grant, token.serial)
    }

    /// The grant and the generation of an access token we made, good or not.
    func find(accessToken text: String) -> (grant: Int, generation: Int)? {
        guard let token = TokenText.parse(text, prefix: self.canary), token.kind == .access else { return nil }
        guard self.grants.indices.contains(token.grant) else { return nil }
        let known = self.grants[token.grant].commits
        guard known.indices.contains(token.serial), known[token.serial].secret == token.secret else { return nil }
        return (token.grant, token.serial + 1)
    }

    func refreshToken(grant: Int, serial: Int) -> String {
        let secret = self.grants[grant].refreshTokens[serial].secret
        return TokenText(kind: .refresh, grant: grant, serial: serial, secret: secret).render(prefix: self.canary)
    }

    /// The token endpoint's answer for a generation; class N leaves the refresh token out.
    func answer(grant place: Int, generation: Int, at now: Double) -> TokenAnswer {
        let grant = self.grants[place]
        let commit = grant.commits[generation - 1]
        let access = TokenText(kind: .access, grant: place, serial: generation - 1, secret: commit.secret)
        // A pair that is given again is as old as it is.
        let left = max(0, grant.lifetime(of: generation) - Int(now - commit.at))
        return TokenAnswer(
            accessToken: access.render(prefix: self.canary),
            expiresIn: left,
            notice: grant.terms.notice,
            refreshToken: grant.terms.rotation == .n
                ? nil : self.refreshToken(grant: place, serial: commit.refreshToken),
            scope: grant.terms.scope
        )
    }

    // MARK: Revocation

    mutating func revoke(grant place: Int, by revoker: Grant.Revoker) {
        // The first cause stands: what killed the grant is what its owner should be told.
        if self.grants[place].revokedBy == nil { self.grants[place].revokedBy = revoker }
    }

    mutating func revoke(client: String, user: String, by revoker: Grant.Revoker) {
        for place in self.owned[Owner(client: client, user: user)] ?? [] { self.revoke(grant: place, by: revoker) }
    }
}

/// Counts that belong to no single grant.
struct Tally: Sendable {
    var tokenRequests = 0
    /// Requests refused for the client or the form, before any grant was looked at.
    var clientRefusals = 0
    var userinfoRequests = 0
    var faultsDone = 0
    var connections = 0
}
