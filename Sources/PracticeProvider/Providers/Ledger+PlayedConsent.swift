extension Ledger {
    /// A played provider's authorization endpoint: as strict as its documents, and its people have made up their minds.
    ///
    /// `login_hint` and `practice` are the person's, as at the RFC's own endpoint.
    mutating func authorize(
        query: String,
        at provider: PlayedProvider,
        _ consent: PlayedConsent,
        now: Double
    ) -> Answer {
        guard let form = try? FormParameters(query), let id = form["client_id"], let client = self.clients[id],
            let redirectURI = form["redirect_uri"],
            (client.redirectURIs ?? [PlayedProvider.redirectURI]).contains(redirectURI)
        else {
            self.tally.clientRefusals += 1
            return Self.page("unknown client or redirect URI", status: 400)
        }
        let state = form["state"].map { [("state", $0)] } ?? []
        let challenge: PlayedConsent.Challenge?
        do {
            challenge = try consent.judge(form, of: client)
        } catch {
            self.tally.clientRefusals += 1
            return Self.redirect(to: redirectURI, [("error", "invalid_request")] + state)
        }
        guard !self.consents.habits.denies, form["practice"] != "deny" else {
            return Self.redirect(to: redirectURI, [("error", "access_denied")] + state)
        }
        let text = "\(self.canary)code-\(Self.random())"
        let device = provider == .vkid ? "practice-device-\(self.consents.playedCodes.count)" : nil
        self.consents.playedCodes[text] = ConsentBook.PlayedCode(
            provider: provider,
            client: id,
            user: form["login_hint"] ?? "user",
            redirectURI: redirectURI,
            challenge: challenge,
            scope: form["scope"],
            isOffline: provider.isOffline(form),
            device: device,
            expiresAt: now + Double(min(consent.codeLifetime, self.consents.habits.codeLifetime))
        )
        return Self.redirect(
            to: redirectURI,
            [("code", text)] + state + (device.map { [("device_id", $0)] } ?? []),
            tail: consent.tail
        )
    }

    /// Trades a code as the provider has it.
    mutating func redeemCode(_ request: PlayedRequest, _ consent: PlayedConsent, at now: Double) -> Answer {
        let state = request.looseForm?["state"]
        do throws(PlayedRefusal) {
            let form = try request.form()
            try Self.judge(form, request.provider, consent)
            let client = try self.verified(form, request, consent.credentials)
            let place = try self.spendCode(form, request.provider, consent, client: client, at: now)
            var tokens = self.tokens(grant: place, generation: 1, state: state, at: now, isFirst: true)
            tokens.device = nil
            var answer = Answer.json(request.provider.codeJSON(tokens))
            answer.headers.merge(request.provider.headers) { $1 }
            return answer
        } catch {
            self.tally.clientRefusals += 1
            return request.provider.codeRefusal(error, state: state)
        }
    }

    private static func judge(
        _ form: FormParameters,
        _ provider: PlayedProvider,
        _ consent: PlayedConsent
    ) throws(PlayedRefusal) {
        var required: Set = ["code", "redirect_uri"]
        if consent.wantsGrantType { required.insert("grant_type") }
        if consent.credentials == .parameters { required.insert("client_id") }
        if provider == .vkid { required.formUnion(["device_id", "state"]) }
        for name in required.sorted() where form[name] == nil { throw .request("\(name) is missing") }
        let known = required.union(["grant_type", "client_id", "client_secret", "code_verifier"])
        guard form.names.isSubset(of: known) else { throw .request("a parameter is not known here") }
        if let grantType = form["grant_type"], grantType != "authorization_code" {
            throw .request("grant_type is another")
        }
    }

    private mutating func spendCode(
        _ form: FormParameters,
        _ provider: PlayedProvider,
        _ consent: PlayedConsent,
        client: String,
        at now: Double
    ) throws(PlayedRefusal) -> Int {
        let text = form["code"] ?? ""
        guard let code = self.consents.playedCodes[text], code.client == client, code.provider == provider else {
            throw .grant("unknown code")
        }
        if let grant = code.grant {
            self.revoke(grant: grant, by: .reuse)
            throw .grant("the code was used before")
        }
        guard now < code.expiresAt else { throw .grant("the code has expired") }
        guard form["redirect_uri"] == code.redirectURI else { throw .grant("another redirect_uri") }
        if let device = code.device, form["device_id"] != device { throw .request("device_id is another") }
        switch (code.challenge, form["code_verifier"]) {
        case (let challenge?, let verifier?):
            guard (43...128).contains(verifier.utf8.count), challenge.isMet(by: verifier) else {
                throw .grant("wrong code_verifier")
            }
        case (.some, nil): throw .grant("code_verifier is missing")
        // A proof of nothing: somebody has taken the challenge away (RFC 9700 §4.8.2).
        case (nil, .some) where consent.proof != .unknown: throw .grant("no code_challenge was sent")
        case (nil, _): break
        }
        let habits = self.consents.habits
        var terms = provider.terms
        terms.lifetime = habits.lifetime ?? terms.lifetime
        terms.rotation = habits.rotation ?? terms.rotation
        terms.firstLifetime = consent.firstLifetime
        terms.scope = habits.scope ?? provider.told(code.scope)
        let place = self.consented(client: client, user: code.user, terms: terms, at: now).0
        self.grants[place].isOffline = code.isOffline
        self.grants[place].device = code.device
        self.consents.playedCodes[text]?.grant = place
        return place
    }
}
