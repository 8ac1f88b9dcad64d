/// A request that a client authenticates with a form: token, revocation, introspection.
struct TokenRequest: Hashable, Sendable {
    var authorization: [String]
    /// Every Content-Type header.
    var contentType: [String]
    /// The part of the target behind `?`.
    var query: String
    var body: String?

    /// The form of the body, whatever else is wrong with the request; nil when it cannot be read.
    ///
    /// For finding out whose faults apply, before the request is judged.
    var looseForm: FormParameters? { self.body.flatMap { try? FormParameters($0) } }

    /// Reads the form, as strictly as RFC 6749 §3.2 and appendix B allow.
    func form() throws(OAuthRefusal) -> FormParameters {
        guard self.contentType.count == 1, Self.isForm(self.contentType[0]) else {
            throw .invalidRequest("Content-Type must be application/x-www-form-urlencoded")
        }
        guard let inQuery = try? FormParameters(self.query) else { throw .invalidRequest("malformed query") }
        let secretNames: Set = [
            "grant_type", "refresh_token", "client_id", "client_secret", "token", "code", "code_verifier",
            "device_code",
        ]
        guard inQuery.names.isDisjoint(with: secretNames) else {
            // RFC 6749 §2.3.1: parameters must not be included in the request URI.
            throw .invalidRequest("parameters belong into the body")
        }
        guard let body = self.body else { throw .invalidRequest("the body is not UTF-8") }
        do {
            return try FormParameters(body)
        } catch {
            switch error {
            case .repeated(let name): throw .invalidRequest("parameter “\(Self.plain(name))” is repeated")
            case .malformed: throw .invalidRequest("malformed form")
            }
        }
    }

    private static func isForm(_ value: String) -> Bool {
        let parts = value.split(separator: ";", omittingEmptySubsequences: false).map {
            $0.lowercased().filter { $0 != " " && $0 != "\"" }
        }
        guard parts.first == "application/x-www-form-urlencoded" else { return false }
        return parts.dropFirst().allSatisfy { $0 == "charset=utf-8" }
    }

    /// RFC 6749 §5.2 allows few characters in a description; a name is the client's and may hold any.
    private static func plain(_ text: String) -> String {
        String(text.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }.prefix(40))
    }
}

extension Ledger {
    /// The token endpoint: authenticates the client, redeems, and builds the answer.
    mutating func token(_ request: TokenRequest, at now: Double) -> Answer {
        do throws(OAuthRefusal) {
            let form = try request.form()
            let claim = try ClientClaim(authorization: request.authorization, form: form)
            try claim.verify(against: self.clients)
            guard let grantType = form["grant_type"] else { throw .invalidRequest("grant_type is missing") }
            switch grantType {
            case "refresh_token": break
            case "authorization_code": return try self.redeem(code: form, client: claim.id, at: now)
            case Self.deviceGrant: return try self.redeem(device: form, client: claim.id, at: now)
            default:
                throw OAuthRefusal(error: "unsupported_grant_type", description: "this grant type is not known here")
            }
            guard let refreshToken = form["refresh_token"] else {
                throw .invalidRequest("refresh_token is missing")
            }
            if let wanted = form["scope"], let place = self.find(refreshToken: refreshToken)?.grant {
                // RFC 6749 §6: nothing that was not granted.
                let granted = Set((self.grants[place].terms.scope ?? "").split(separator: " "))
                guard granted.isSuperset(of: wanted.split(separator: " ")) else {
                    throw OAuthRefusal(error: "invalid_scope", description: "more than was granted")
                }
            }
            switch self.redeem(refreshToken: refreshToken, client: claim.id, at: now) {
            case .granted(let grant, let generation):
                return .json(
                    self.answer(grant: grant, generation: generation, at: now).json,
                    receipt: Answer.Receipt(grant: grant, generation: generation)
                )
            case .refused(let reason):
                return OAuthRefusal(error: "invalid_grant", description: reason).answer
            }
        } catch {
            self.tally.clientRefusals += 1
            return error.answer
        }
    }

    /// The revocation endpoint (RFC 7009).
    ///
    /// Revoking either token ends the grant; an unknown one is no error (§2.2). A hint that is wrong is refused: a server
    /// may pass over it (§2.1), but a client that sends one should know what it sends.
    mutating func revocation(_ request: TokenRequest) -> Answer {
        do throws(OAuthRefusal) {
            let (token, client) = try self.authenticatedToken(request)
            let refreshed = self.find(refreshToken: token)?.grant
            let place = refreshed ?? self.find(accessToken: token)?.grant
            switch try request.form()["token_type_hint"] {
            case nil: break
            case "refresh_token"? where place == nil || refreshed != nil: break
            case "access_token"? where place == nil || refreshed == nil: break
            default: throw .invalidRequest("token_type_hint does not fit the token")
            }
            if let place, self.grants[place].client == client { self.revoke(grant: place, by: .client) }
            return Answer(status: 200)
        } catch {
            return error.answer
        }
    }

    /// The introspection endpoint (RFC 7662).
    ///
    /// Asking spends nothing and is no use of an access token.
    func introspection(_ request: TokenRequest, at now: Double) -> Answer {
        do throws(OAuthRefusal) {
            let (token, client) = try self.authenticatedToken(request)
            if let (place, serial) = self.find(refreshToken: token), self.grants[place].client == client {
                return .json("{\"active\":\(self.grants[place].isGood(refreshToken: serial, at: now))}")
            }
            if let (place, generation) = self.find(accessToken: token), self.grants[place].client == client {
                return .json("{\"active\":\(self.grants[place].isGood(generation: generation, at: now))}")
            }
            return .json("{\"active\":false}")
        } catch {
            return error.answer
        }
    }

    private func authenticatedToken(_ request: TokenRequest) throws(OAuthRefusal) -> (token: String, client: String) {
        let form = try request.form()
        let claim = try ClientClaim(authorization: request.authorization, form: form)
        try claim.verify(against: self.clients)
        guard let token = form["token"] else { throw .invalidRequest("token is missing") }
        return (token, claim.id)
    }
}
