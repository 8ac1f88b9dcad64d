/// One grant's tokens, for the shapes in which providers write them.
struct PlayedTokens: Hashable, Sendable {
    var accessToken: String
    /// Seconds left, and the moment of the end in milliseconds.
    var expiresIn: Int
    var expiresAt: Int
    /// Nil where nobody asked for one.
    var refreshToken: String?
    var scope: String?
    /// Made of the grant's place: a user's number and a device's name, the same in all answers.
    var user: Int
    /// Nil where the client has it from the way back.
    var device: String?
    /// What the request said, to be repeated.
    var state: String?
    /// Whether these are the grant's first, which come from the authorization.
    var isFirst: Bool
}

/// Why a provider says no.
enum PlayedRefusal: Error, Hashable, Sendable {
    /// The grant is over, or the token was never any of ours.
    case grant(String)
    case client(String)
    case request(String)
    /// An access token that is too young to be extended.
    case tooYoung
}

// The answers, as the providers' documents print them.
extension PlayedProvider {
    func json(_ tokens: PlayedTokens) -> String {
        func members(_ list: [(String, String?)]) -> String {
            "{" + list.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }.joined(separator: ",") + "}"
        }
        let access = JSONText.quoted(tokens.accessToken)
        let refresh = tokens.refreshToken.map(JSONText.quoted)
        let scope = tokens.scope.map(JSONText.quoted)
        switch self {
        case .box:
            return members([
                ("access_token", access), ("expires_in", "\(tokens.expiresIn)"), ("restricted_to", "[]"),
                ("refresh_token", refresh), ("token_type", "\"bearer\""),
                ("issued_token_type", "\"urn:ietf:params:oauth:token-type:access_token\""),
            ])
        case .dropbox:
            return members([
                ("access_token", access), ("token_type", "\"bearer\""), ("expires_in", "\(tokens.expiresIn)"),
                ("refresh_token", tokens.isFirst ? refresh : nil), ("scope", tokens.isFirst ? scope : nil),
            ])
        case .gdrive:
            // Text or number: their own library reads both.
            let expiresIn = tokens.isFirst ? "\(tokens.expiresIn)" : "\"\(tokens.expiresIn)\""
            return members([
                ("access_token", access), ("expires_in", expiresIn), ("scope", scope), ("token_type", "\"Bearer\""),
                ("refresh_token", tokens.isFirst ? refresh : nil),
            ])
        case .onedrive:
            return members([
                ("token_type", "\"Bearer\""), ("scope", scope), ("expires_in", "\(tokens.expiresIn)"),
                ("ext_expires_in", "\(tokens.expiresIn)"), ("access_token", access), ("refresh_token", refresh),
            ])
        case .onedriveLive:
            return members([
                ("token_type", "\"bearer\""), ("expires_in", "\(tokens.expiresIn)"), ("scope", scope),
                ("access_token", access), ("refresh_token", refresh), ("user_id", "\"\(tokens.user)\""),
            ])
        case .huddle:
            // No token_type.
            return members([
                ("access_token", access), ("expires_in", "\(tokens.expiresIn)"), ("refresh_token", refresh),
            ])
        case .ellipsis, .smartfile, .gitshare:
            return members([
                ("access_token", access), ("expires_in", "\(tokens.expiresIn)"), ("token_type", "\"Bearer\""),
                ("scope", scope), ("refresh_token", refresh),
            ])
        case .vkid:
            return members([
                ("refresh_token", refresh), ("access_token", access), ("id_token", "\"canary-id-\(tokens.user)\""),
                ("token_type", "\"Bearer\""), ("expires_in", "\(tokens.expiresIn)"), ("user_id", "\(tokens.user)"),
                ("state", tokens.state.map(JSONText.quoted)), ("scope", scope),
                // From the authorization's way back, and kept beside the answer by who received both.
                ("device_id", tokens.isFirst ? tokens.device.map(JSONText.quoted) : nil),
            ])
        case .facebook, .instagram:
            return members([
                ("access_token", access), ("token_type", "\"bearer\""), ("expires_in", "\(tokens.expiresIn)"),
                ("permissions", self == .instagram && tokens.isFirst ? "\"instagram_business_basic\"" : nil),
            ])
        case .vkLegacy:
            return members([("access_token", access), ("expires_in", "0"), ("user_id", "\(tokens.user)")])
        case .evernote:
            return members([
                ("oauth_token", access), ("oauth_token_secret", "\"\""), ("edam_shard", "\"s1\""),
                ("edam_userId", "\"\(tokens.user)\""), ("edam_expires", "\"\(tokens.expiresAt)\""),
                ("edam_noteStoreUrl", "\"https://www.evernote.com/shard/s1/notestore\""),
            ])
        case .flickr:
            return members([
                ("fullname", "\"Practice\""), ("oauth_token", access),
                ("oauth_token_secret", "\"canary-ts-\(tokens.user)\""), ("user_nsid", "\"\(tokens.user)@N00\""),
                ("username", "\"practice\""),
            ])
        }
    }

    /// The answer to a code, where it differs from the later ones.
    func codeJSON(_ tokens: PlayedTokens) -> String {
        guard self == .instagram else { return self.json(tokens) }
        // In a list, and without a word about the hour that it lives.
        return "{\"data\":[{\"access_token\":\(JSONText.quoted(tokens.accessToken)),\"user_id\":\"\(tokens.user)\","
            + "\"permissions\":\"instagram_business_basic\"}]}"
    }

    /// Headers that come with a good answer.
    var headers: [String: String] {
        // The time to the end of the window, of no meaning to a token.
        self == .huddle
            ? ["Retry-After": "600", "X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "999"] : [:]
    }

    /// The no to a code.
    func codeRefusal(_ refusal: PlayedRefusal, state: String?) -> Answer {
        let (word, words) =
            switch refusal {
            case .grant(let why): ("invalid_grant", why)
            case .client(let why): ("invalid_client", why)
            case .request(let why): ("invalid_request", why)
            case .tooYoung: ("invalid_request", "practice")
            }
        switch self {
        case .instagram:
            // The host of the codes has another shape than the one of the tokens.
            return .json(
                "{\"error_type\":\"OAuthException\",\"code\":400,\"error_message\":\(JSONText.quoted(words))}",
                status: 400
            )
        case .facebook:
            if case .grant(let why) = refusal { return self.refusal(.request(why)) }
            return self.refusal(refusal)
        case .vkid:
            let echo = state.map { ",\"state\":\(JSONText.quoted($0))" } ?? ""
            return .json(
                "{\"error\":\"\(word)\",\"error_description\":\(JSONText.quoted(words))\(echo)}"
            )
        case .vkLegacy:
            return .json("{\"error\":\"\(word)\",\"error_description\":\(JSONText.quoted(words))}", status: 401)
        default: return self.refusal(refusal)
        }
    }

    func refusal(_ refusal: PlayedRefusal, state: String? = nil) -> Answer {
        func plain(_ error: String, _ description: String?, _ status: Int = 400, more: String = "") -> Answer {
            let words = description.map { ",\"error_description\":\(JSONText.quoted($0))" } ?? ""
            return .json("{\"error\":\"\(error)\"\(words)\(more)}", status: status)
        }
        switch self {
        case .box, .dropbox, .ellipsis:
            switch refusal {
            case .grant(let why): return plain("invalid_grant", why)
            // 400, not 401 (Box).
            case .client(let why): return plain("invalid_client", why)
            case .request(let why): return plain("invalid_request", why)
            case .tooYoung: return plain("invalid_request", nil)
            }
        case .gdrive, .onedriveLive:
            switch refusal {
            case .grant: return plain("invalid_grant", "Token has been expired or revoked.")
            case .client(let why): return plain("invalid_client", why, 401)
            case .request(let why): return plain("invalid_request", why)
            case .tooYoung: return plain("invalid_request", nil)
            }
        case .onedrive:
            let (error, number) =
                switch refusal {
                case .grant: ("invalid_grant", 70_000)
                case .client: ("invalid_client", 7_000_215)
                case .request, .tooYoung: ("invalid_request", 900_144)
                }
            return plain(
                error,
                "AADSTS\(number): practice. Trace ID: 0",
                more: ",\"error_codes\":[\(number)],\"timestamp\":\"2026-01-01 00:00:00Z\",\"trace_id\":\"0\","
                    + "\"correlation_id\":\"0\",\"error_uri\":\"https://login.example/error?code=\(number)\""
            )
        case .huddle:
            switch refusal {
            case .grant(let why):
                return plain("invalid_grant", why, more: ",\"error_uri\":\"https://login.huddle.example/docs/error\"")
            // The application is switched off.
            case .client(let why): return plain("unauthorized_client", why, 403)
            case .request(let why): return plain("invalid_request", why)
            case .tooYoung: return plain("invalid_request", nil)
            }
        case .smartfile, .gitshare:
            // The word and nothing else.
            switch refusal {
            case .grant: return plain("invalid_grant", nil)
            case .client: return plain("invalid_client", nil, 401)
            case .request, .tooYoung: return plain("invalid_request", nil)
            }
        case .vkid:
            // Under 200, and a dead grant is a bad request.
            let (error, words) =
                switch refusal {
                case .grant: ("invalid_request", "refresh_token is missing or invalid")
                case .client(let why): ("invalid_client", why)
                case .request(let why): ("invalid_request", why)
                case .tooYoung: ("invalid_request", "practice")
                }
            return plain(error, words, 200, more: state.map { ",\"state\":\(JSONText.quoted($0))" } ?? "")
        case .facebook, .instagram:
            let (code, subcode, words) =
                switch refusal {
                case .grant(let why): (190, 463, why)
                case .client(let why): (101, 0, why)
                case .request(let why): (100, 0, why)
                case .tooYoung: (100, 33, "Unsupported get request")
                }
            return .json(
                "{\"error\":{\"message\":\(JSONText.quoted(words)),\"type\":\"OAuthException\",\"code\":\(code)"
                    + (subcode == 0 ? "" : ",\"error_subcode\":\(subcode)") + ",\"fbtrace_id\":\"A0\"}}",
                status: 400
            )
        case .evernote, .flickr, .vkLegacy:
            return .notFound
        }
    }
}
