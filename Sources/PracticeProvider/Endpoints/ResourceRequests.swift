extension Ledger {
    /// The provider's own interface: says whether an access token is good, and takes the request as its use.
    mutating func userinfo(authorization: [String], at now: Double) -> Answer {
        self.tally.userinfoRequests += 1
        let scheme = "bearer "
        guard authorization.count == 1, authorization[0].lowercased().hasPrefix(scheme) else {
            // RFC 6750 §3: without a token no error code.
            return Answer(status: 401, headers: ["WWW-Authenticate": "Bearer realm=\"practice\""])
        }
        let token = String(authorization[0].dropFirst(scheme.count))
        guard
            let (place, generation) = self.find(accessToken: token),
            self.grants[place].isGood(generation: generation, at: now)
        else {
            var answer = Answer.json("{\"error\":\"invalid_token\"}", status: 401)
            answer.headers["WWW-Authenticate"] = "Bearer realm=\"practice\", error=\"invalid_token\""
            return answer
        }
        self.grants[place].use(generation: generation)
        return .json("{\"sub\":\(JSONText.quoted(self.grants[place].user)),\"generation\":\(generation)}")
    }

    /// The sink: `GET /{storage_key}/set_keys`, with the four known parameters and no other.
    mutating func setKeys(storageKey: String, query: String, acceptsUnknown: Bool, at now: Double) -> Answer {
        self.deliveries.requests += 1
        let flaw = self.setKeysFlaw(storageKey: storageKey, query: query, acceptsUnknown: acceptsUnknown, at: now)
        guard let flaw else { return .json("{\"obj_type\":\"keys\"}") }
        self.deliveries.refused += 1
        return .json("{\"obj_type\":\"error\",\"error\":\(JSONText.quoted(flaw))}", status: 400)
    }

    private mutating func setKeysFlaw(
        storageKey: String,
        query: String,
        acceptsUnknown: Bool,
        at now: Double
    ) -> String? {
        let form: FormParameters
        do {
            form = try FormParameters(query)
        } catch {
            return switch error {
            case .repeated: "a parameter is repeated"
            case .malformed: "malformed query"
            }
        }
        let known: Set = ["public_key", "access_token", "token_type", "refresh_token"]
        guard form.names.isSubset(of: known) else { return "unknown parameter" }
        guard let publicKey = form["public_key"] else { return "public_key is missing" }
        guard let accessToken = form["access_token"] else { return "access_token is missing" }
        guard let tokenType = form["token_type"] else { return "token_type is missing" }
        guard tokenType.lowercased() == "bearer" else { return "token_type is not Bearer" }
        guard !form.names.contains("refresh_token") || form["refresh_token"] != nil else {
            return "refresh_token is empty"
        }
        return self.accept(
            KeySet(
                publicKey: publicKey,
                storageKey: storageKey,
                accessToken: accessToken,
                refreshToken: form["refresh_token"]
            ),
            acceptsUnknown: acceptsUnknown,
            at: now
        )
    }
}
