/// Where a provider's people are asked, what it wants to be told there, and where the code is traded.
struct PlayedConsent: Hashable, Sendable {
    /// What a provider makes of RFC 7636.
    enum Proof: Hashable, Sendable {
        /// Nothing: what is sent of it is passed over, as RFC 6749 §3.1 has it for parameters that are not known.
        case unknown
        /// A client without a secret must bring one; without a method it is `plain` (RFC 7636 §4.3).
        case known
        /// Everybody must, and by this word for S256.
        case needed(method: String)
    }

    /// What a person was asked with, to be proven by whoever brings the code.
    enum Challenge: Hashable, Sendable {
        case plain(String)
        case s256(String)

        func isMet(by verifier: String) -> Bool {
            switch self {
            case .plain(let text): text == verifier
            case .s256(let text): text == Ledger.challenge(of: verifier)
            }
        }
    }

    var path: String
    var codePath: String
    var codeMethods: Set<String> = ["POST"]
    /// Some documents leave `grant_type` out of the trade, and it is passed over there.
    var wantsGrantType = true
    var credentials = PlayedProvider.Credentials.registered
    var proof = Proof.unknown
    /// What may stand between scopes; nothing where no scope is known.
    var scopeSeparators: Set<Character> = [" "]
    /// Parameters of the address beside those of RFC 6749 §4.1.1: those that must be there, and may.
    var required: Set<String> = []
    var optional: Set<String> = []
    /// Seconds.
    var codeLifetime = 60
    /// What stands behind the address that people are sent back with, and is no part of the code.
    var tail = ""
    /// Seconds that the code's own access token lives, where the later ones live longer.
    var firstLifetime: Int?

    /// Judges the address that somebody was sent to.
    func judge(_ form: FormParameters, of client: PracticeClient) throws(PlayedRefusal) -> Challenge? {
        var known = self.required.union(self.optional).union([
            "response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method",
            // The person's own, not the client's.
            "login_hint", "practice",
        ])
        if !self.scopeSeparators.isEmpty { known.insert("scope") }
        guard form.names.isSubset(of: known) else { throw .request("a parameter is not known here") }
        for name in self.required.sorted() where form[name] == nil { throw .request("\(name) is missing") }
        guard form["response_type"] == "code" else { throw .request("response_type is another") }
        if let scope = form["scope"] {
            let words = scope.split(omittingEmptySubsequences: false) { self.scopeSeparators.contains($0) }
            guard words.allSatisfy({ !$0.isEmpty && !$0.contains { ", ".contains($0) } }) else {
                throw .request("scopes are separated in another way here")
            }
        }
        return try self.challenge(form, of: client)
    }

    private func challenge(_ form: FormParameters, of client: PracticeClient) throws(PlayedRefusal) -> Challenge? {
        let (text, method) = (form["code_challenge"], form["code_challenge_method"])
        switch self.proof {
        case .unknown:
            return nil
        case .known:
            guard let text else {
                guard method == nil else { throw .request("a method without a challenge") }
                guard client.method != .none else { throw .request("a client without a secret needs a challenge") }
                return nil
            }
            guard (43...128).contains(text.utf8.count) else { throw .request("the challenge is too short or too long") }
            switch method {
            case nil, "plain"?: return .plain(text)
            case "S256"?: return .s256(text)
            default: throw .request("code_challenge_method is not known here")
            }
        case .needed(let word):
            guard let text, text.utf8.count == 43 else { throw .request("a challenge of 43 characters is needed") }
            guard method == word else { throw .request("code_challenge_method is not known here") }
            return .s256(text)
        }
    }
}

extension PlayedProvider {
    /// Nil for OAuth 1.0a, which is not played.
    var consent: PlayedConsent? {
        switch self {
        case .box:
            PlayedConsent(
                path: "/api/oauth2/authorize",
                codePath: "/oauth2/token",
                credentials: .parameters,
                codeLifetime: 30
            )
        case .dropbox:
            PlayedConsent(
                path: "/oauth2/authorize",
                codePath: "/oauth2/token",
                proof: .known,
                optional: ["token_access_type"]
            )
        case .gdrive:
            PlayedConsent(
                path: "/o/oauth2/v2/auth",
                codePath: "/token",
                proof: .known,
                required: ["scope"],
                optional: ["access_type", "prompt"]
            )
        case .onedrive:
            PlayedConsent(
                path: "/common/oauth2/v2.0/authorize",
                codePath: "/common/oauth2/v2.0/token",
                proof: .known,
                required: ["scope"]
            )
        case .onedriveLive:
            PlayedConsent(
                path: "/oauth20_authorize.srf",
                codePath: "/oauth20_token.srf",
                credentials: .parameters,
                required: ["scope"]
            )
        case .huddle:
            PlayedConsent(
                path: "/request",
                codePath: "/token",
                credentials: .parameters,
                scopeSeparators: [],
                optional: ["idp"]
            )
        case .ellipsis:
            PlayedConsent(path: "/v3/oauth/authorize", codePath: "/v3/oauth/token", proof: .known)
        // The slash at the end is part of the path; newer versions of what they run on want a proof of everybody.
        case .smartfile, .gitshare:
            PlayedConsent(
                path: "/oauth2/authorize/",
                codePath: "/oauth2/token/",
                wantsGrantType: self == .smartfile,
                credentials: .parameters,
                proof: .needed(method: "S256")
            )
        case .vkid:
            PlayedConsent(
                path: "/authorize",
                codePath: "/oauth2/auth",
                credentials: .parameters,
                proof: .needed(method: "s256"),
                required: ["state"]
            )
        case .facebook:
            PlayedConsent(
                path: "/v25.0/dialog/oauth",
                codePath: "/v25.0/oauth/access_token",
                codeMethods: ["GET"],
                wantsGrantType: false,
                credentials: .parameters,
                scopeSeparators: [",", " "],
                required: ["state"],
                firstLifetime: 3_600
            )
        case .instagram:
            PlayedConsent(
                path: "/oauth/authorize",
                codePath: "/oauth/access_token",
                credentials: .parameters,
                scopeSeparators: [","],
                required: ["scope"],
                tail: "#_",
                firstLifetime: 3_600
            )
        case .vkLegacy:
            PlayedConsent(
                path: "/authorize",
                codePath: "/access_token",
                codeMethods: ["GET", "POST"],
                wantsGrantType: false,
                credentials: .parameters,
                scopeSeparators: [","]
            )
        case .evernote, .flickr: nil
        }
    }

    /// Whether what was asked for brings a refresh token, where there are any.
    func isOffline(_ form: FormParameters) -> Bool {
        let scopes = Set((form["scope"] ?? "").split(separator: " "))
        return switch self {
        case .dropbox: form["token_access_type"] == "offline"
        // As for somebody who said yes before, who gets one with the prompt alone.
        case .gdrive: form["access_type"] == "offline" && form["prompt"] == "consent"
        case .onedrive: scopes.contains("offline_access")
        case .onedriveLive: !scopes.isDisjoint(with: ["wl.offline_access", "offline_access"])
        default: true
        }
    }

    /// What an answer says was granted, of what was asked for; nil where answers say nothing.
    func told(_ asked: String?) -> String? {
        switch self {
        case .gdrive, .onedriveLive, .vkid: asked
        // Brings the refresh token, and is not among the scopes of the answer.
        case .onedrive: asked.map { $0.split(separator: " ").filter { $0 != "offline_access" }.joined(separator: " ") }
        case .smartfile, .gitshare: asked ?? self.terms.scope
        default: self.terms.scope
        }
    }
}
