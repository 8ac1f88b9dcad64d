import Crypto
import FoundationEssentials

extension Ledger {
    /// The authorization endpoint (RFC 6749 §3.1): asks nobody, for its people have made up their minds.
    ///
    /// `login_hint` names the person, else it is `user`; `practice=deny`, or the judge's habits, have the person refuse.
    /// Without a redirect URI the code is shown on the page. Only what has a challenge by S256 is let through (RFC 7636).
    mutating func authorize(query: String, at now: Double) -> Answer {
        guard let form = try? FormParameters(query) else { return Self.page("malformed query", status: 400) }
        guard let id = form["client_id"], let client = self.clients[id] else {
            return Self.page("unknown client", status: 400)
        }
        let redirectURI = form["redirect_uri"]
        // To an address that is not the client's nobody is sent, not even with an error (RFC 6749 §4.1.2.1).
        if let redirectURI, !Self.isRegistered(redirectURI, client) {
            return Self.page("this redirect URI is not registered", status: 400)
        }
        func answer(_ parameters: [(String, String)]) -> Answer {
            guard let redirectURI else {
                let shown = parameters.first.map { $0.1 } ?? ""
                return Self.page(shown, status: parameters.first?.0 == "code" ? 200 : 400)
            }
            return Self.redirect(to: redirectURI, parameters + [("state", form["state"] ?? ""), ("iss", self.issuer)])
        }
        guard form["response_type"] == "code" else { return answer([("error", "unsupported_response_type")]) }
        guard let challenge = form["code_challenge"], form["code_challenge_method"] == "S256" else {
            return answer([("error", "invalid_request"), ("error_description", "a code_challenge by S256 is needed")])
        }
        guard form["state"].map({ $0.utf8.count >= 22 }) == true else {
            return answer([("error", "invalid_request"), ("error_description", "state is missing or can be guessed")])
        }
        guard !self.consents.habits.denies, form["practice"] != "deny" else {
            return answer([("error", "access_denied"), ("error_description", "the user said no")])
        }
        let code = "\(self.canary)code-\(Self.random())"
        self.consents.codes[code] = ConsentBook.Code(
            client: id,
            user: form["login_hint"] ?? "user",
            redirectURI: redirectURI,
            challenge: challenge,
            scope: form["scope"],
            expiresAt: now + Double(self.consents.habits.codeLifetime)
        )
        return answer([("code", code)])
    }

    /// Trades a code for a grant (RFC 6749 §4.1.3, RFC 7636 §4.6).
    mutating func redeem(code form: FormParameters, client: String, at now: Double) throws(OAuthRefusal) -> Answer {
        func refusal(_ description: String) -> OAuthRefusal {
            OAuthRefusal(error: "invalid_grant", description: description)
        }
        guard let text = form["code"] else { throw .invalidRequest("code is missing") }
        guard let code = self.consents.codes[text], code.client == client else { throw refusal("unknown code") }
        if let grant = code.grant {
            self.revoke(grant: grant, by: .reuse)
            throw refusal("the code was used before")
        }
        guard now < code.expiresAt else { throw refusal("the code has expired") }
        // As it was asked for: absent is not the same as empty or another.
        guard form["redirect_uri"] == code.redirectURI else { throw refusal("another redirect_uri") }
        guard let verifier = form["code_verifier"], (43...128).contains(verifier.utf8.count) else {
            throw .invalidRequest("code_verifier is missing or has not 43 to 128 characters")
        }
        guard Self.challenge(of: verifier) == code.challenge else { throw refusal("wrong code_verifier") }
        let terms = self.terms(scope: code.scope)
        let (place, answer) = self.consented(client: client, user: code.user, terms: terms, at: now)
        self.consents.codes[text]?.grant = place
        return answer
    }

    /// Makes the grant that somebody consented to; one more of the same person gets a name of its own.
    mutating func consented(client: String, user: String, terms: GrantTerms, at now: Double) -> (Int, Answer) {
        var subject = user
        var number = 1
        while (try? self.place(of: "\(client)/\(subject)")) != nil {
            number += 1
            subject = "\(user)~\(number)"
        }
        let grant = self.issue(subject: subject, client: client, user: user, terms: terms, at: now)
        return (self.grants.count - 1, .json(grant.tokenJSON))
    }

    /// What comes of a consent here to what was asked for.
    func terms(scope: String?) -> GrantTerms {
        let habits = self.consents.habits
        var terms = habits.terms
        terms.lifetime = habits.lifetime ?? terms.lifetime
        terms.rotation = habits.rotation ?? terms.rotation
        terms.scope = habits.scope ?? scope ?? terms.scope
        return terms
    }

    /// RFC 8414, as far as anybody here asks.
    func metadata() -> Answer {
        let endpoints = [
            ("issuer", self.issuer), ("authorization_endpoint", "\(self.issuer)/oauth2/authorize"),
            ("token_endpoint", "\(self.issuer)/oauth2/token"),
            ("device_authorization_endpoint", "\(self.issuer)/oauth2/device"),
        ]
        let members = endpoints.map { "\(JSONText.quoted($0.0)):\(JSONText.quoted($0.1))" }
        return .json("{\(members.joined(separator: ",")),\"authorization_response_iss_parameter_supported\":true}")
    }

    /// Exact, but for the port of an address of this host (RFC 8252 §7.3); a client without a list takes any.
    private static func isRegistered(_ uri: String, _ client: PracticeClient) -> Bool {
        guard let registered = client.redirectURIs else { return true }
        return registered.contains { known in
            if known == uri { return true }
            let host = "http://127.0.0.1"
            guard known.hasPrefix(host), uri.hasPrefix(host + ":") else { return false }
            let rest = uri.dropFirst(host.count + 1).drop { $0.isNumber }
            return known.dropFirst(host.count) == rest
        }
    }

    /// Sends a browser on; what is empty is left out.
    static func redirect(to uri: String, _ parameters: [(String, String)], tail: String = "") -> Answer {
        let pairs = parameters.filter { !$0.1.isEmpty }.map { "\($0.0)=\(Self.escaped($0.1))" }
        let joint = uri.contains("?") ? "&" : "?"
        return Answer(status: 302, headers: ["Location": uri + joint + pairs.joined(separator: "&") + tail])
    }

    static func random() -> String {
        let secret = TokenSecret.random()
        return String(secret.high, radix: 16) + String(secret.low, radix: 16)
    }

    static func challenge(of verifier: String) -> String {
        Data(SHA256.hash(data: Data(verifier.utf8))).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                String(UnicodeScalar(byte))
            default:
                "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        .joined()
    }

    /// A page for people; what it shows is ours or made of harmless characters.
    static func page(_ text: String, status: Int) -> Answer {
        let safe = text.filter { $0.isASCII && !"<>&\"'".contains($0) }
        return Answer(
            status: status,
            headers: ["Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"],
            body: "<!doctype html><title>Practice</title><p>Practice provider</p><p><code>\(safe)</code></p>"
        )
    }
}
