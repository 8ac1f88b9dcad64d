/// A request at a played provider's door.
struct PlayedRequest: Hashable, Sendable {
    var provider: PlayedProvider
    var method: String
    var request: TokenRequest

    /// The parameters, whatever else is wrong; nil when they cannot be read.
    var looseForm: FormParameters? {
        self.method == "GET" ? try? FormParameters(self.request.query) : self.request.looseForm
    }

    /// Whether it is a code that is traded here, and not a token.
    var bringsCode: Bool {
        guard let form = self.looseForm else { return false }
        return form["grant_type"] == "authorization_code" || form["code"] != nil
    }

    func form() throws(PlayedRefusal) -> FormParameters {
        if self.method == "GET" {
            guard self.request.body?.isEmpty ?? false else { throw .request("a GET has no body") }
            do {
                return try FormParameters(self.request.query)
            } catch {
                throw .request("malformed query")
            }
        }
        guard self.request.query.isEmpty else { throw .request("parameters belong into the body") }
        do {
            return try self.request.form()
        } catch {
            throw .request(error.description)
        }
    }
}

extension Ledger {
    /// A next token, as the provider gives it, or its no.
    mutating func play(_ request: PlayedRequest, _ door: PlayedProvider.Door, at now: Double) -> Answer {
        let provider = request.provider
        let state = request.looseForm?["state"]
        do throws(PlayedRefusal) {
            let form = try request.form()
            let client = try self.judge(form, request, door)
            let (place, generation) = try self.spend(form, door, client: client, at: now)
            var answer = Answer.json(
                provider.json(self.tokens(grant: place, generation: generation, state: state, at: now)),
                receipt: Answer.Receipt(grant: place, generation: generation)
            )
            answer.headers.merge(provider.headers) { $1 }
            return answer
        } catch {
            switch error {
            case .grant: break
            case .client, .request, .tooYoung: self.tally.clientRefusals += 1
            }
            return provider.refusal(error, state: state)
        }
    }

    /// The grant that a request speaks of, good or not.
    func playedGrant(_ request: PlayedRequest, _ door: PlayedProvider.Door) -> Int? {
        guard let form = request.looseForm else { return nil }
        return switch door.spending {
        case .refreshToken: form["refresh_token"].flatMap { self.find(refreshToken: $0)?.grant }
        case .accessToken(let name, _, _): form[name].flatMap { self.find(accessToken: $0)?.grant }
        }
    }

    /// What the import line of a grant holds: the first answer in the provider's shape.
    func firstAnswer(grant place: Int, at now: Double) -> String? {
        self.grants[place].terms.provider.map {
            $0.json(self.tokens(grant: place, generation: 1, state: nil, at: now, isFirst: true))
        }
    }

    /// Judges everything but what is spent.
    ///
    /// - Returns: The client; nil where a request names none.
    private func judge(
        _ form: FormParameters,
        _ request: PlayedRequest,
        _ door: PlayedProvider.Door
    ) throws(PlayedRefusal) -> String? {
        var required = door.required.union(["grant_type"])
        var allowed = door.optional
        switch door.spending {
        case .refreshToken: required.insert("refresh_token")
        case .accessToken(let name, _, _): required.insert(name)
        }
        switch door.credentials {
        case .registered: allowed.formUnion(["client_id", "client_secret"])
        case .parameters:
            required.insert("client_id")
            allowed.insert("client_secret")
        case .secretAlone: required.insert("client_secret")
        case .none: break
        }
        for name in required.sorted() where form[name] == nil { throw .request("\(name) is missing") }
        guard form.names.isSubset(of: required.union(allowed)) else { throw .request("a parameter is not known here") }
        guard form["grant_type"] == door.grantType else { throw .request("grant_type is another") }
        if let address = form["redirect_uri"], address != PlayedProvider.redirectURI {
            throw .request("redirect_uri is not the registered one")
        }
        if door.credentials != .registered, !request.request.authorization.isEmpty {
            throw .request("no Authorization header is known here")
        }
        if let place = self.playedGrant(request, door) {
            guard self.grants[place].terms.provider == request.provider else {
                throw .grant("the token is another provider's")
            }
            if let device = form["device_id"], device != self.device(of: place) {
                throw .request("device_id is another")
            }
        }
        switch door.credentials {
        case .none:
            return nil
        case .secretAlone:
            guard let place = self.playedGrant(request, door) else { throw .grant("unknown token") }
            guard let known = self.clients[self.grants[place].client], known.secret == form["client_secret"] else {
                throw .client("wrong client secret")
            }
            return known.id
        case .registered, .parameters:
            return try self.verified(form, request, door.credentials)
        }
    }

    /// The client that a request names and proves to be.
    func verified(
        _ form: FormParameters,
        _ request: PlayedRequest,
        _ credentials: PlayedProvider.Credentials
    ) throws(PlayedRefusal) -> String {
        if credentials != .registered, !request.request.authorization.isEmpty {
            throw .request("no Authorization header is known here")
        }
        do {
            let claim = try ClientClaim(authorization: request.request.authorization, form: form)
            try claim.verify(against: self.clients)
            return claim.id
        } catch {
            throw .client(error.description)
        }
    }

    private mutating func spend(
        _ form: FormParameters,
        _ door: PlayedProvider.Door,
        client: String?,
        at now: Double
    ) throws(PlayedRefusal) -> (grant: Int, generation: Int) {
        switch door.spending {
        case .refreshToken:
            switch self.redeem(refreshToken: form["refresh_token"] ?? "", client: client ?? "", at: now) {
            case .granted(let grant, let generation): return (grant, generation)
            case .refused(let why): throw .grant(why)
            }
        case .accessToken(let name, let minimumAge, let maximumLife):
            guard let (place, generation) = self.find(accessToken: form[name] ?? ""),
                client.map({ $0 == self.grants[place].client }) ?? true
            else { throw .grant("Invalid OAuth access token.") }
            guard self.grants[place].isGood(generation: generation, at: now) else {
                self.grants[place].refusals += 1
                throw .grant("Error validating access token: Session has expired.")
            }
            guard now - self.grants[place].commits[generation - 1].at >= Double(minimumAge) else { throw .tooYoung }
            if let maximumLife, self.grants[place].lifetime(of: generation) > maximumLife {
                throw .request("only a short-lived token is exchanged")
            }
            return (place, self.grants[place].commit(redeeming: 0, at: now))
        }
    }

    func tokens(
        grant place: Int,
        generation: Int,
        state: String?,
        at now: Double,
        isFirst: Bool = false
    ) -> PlayedTokens {
        let commit = self.grants[place].commits[generation - 1]
        let answer = self.answer(grant: place, generation: generation, at: now)
        let refreshToken = self.refreshToken(grant: place, serial: commit.refreshToken)
        // Where nothing is rotated, later answers bring none.
        let isToldToken = self.grants[place].isOffline && (isFirst || self.grants[place].terms.rotation != .n)
        return PlayedTokens(
            accessToken: answer.accessToken,
            expiresIn: answer.expiresIn,
            expiresAt: Int((commit.at + Double(self.grants[place].lifetime(of: generation))) * 1_000),
            refreshToken: isToldToken ? refreshToken : nil,
            scope: answer.scope,
            user: 1_000 + place,
            device: self.device(of: place),
            state: state,
            isFirst: isFirst
        )
    }

    private func device(of place: Int) -> String { self.grants[place].device ?? "practice-device-\(place)" }
}
