import OAuth
import RefreshCore

/// One answer of a token endpoint, what it must mean, and where that is written.
///
/// The refresh token sent was `canary-rt-1`, for the device `d`, the address `https://a.test/` and the user 1234567890.
/// An access token in an answer is `canary-at-2`.
struct AnswerCase: Sendable {
    /// Written from the source, never from what the code says.
    enum Verdict: Sendable {
        /// A token.
        ///
        /// - Parameters:
        ///   - refreshToken: Nil: the old one stays.
        ///   - notes: What is told of it, as the code words it.
        case renewed(
            refreshToken: String? = nil,
            type: String = "Bearer",
            lifetime: Lifetime = .known(.seconds(3_600)),
            scope: [String]? = nil,
            withheld: Withheld? = nil,
            notes: [String] = []
        )
        case refused(FailureClass, retryAfter: Duration? = nil)
        /// No token, but a new refresh token that must not be lost.
        case salvaged(String)

        /// The answer is of no use, and nobody knows whether the server acted: the grant is in doubt.
        static let malformed = Verdict.refused(.unknown(.malformedAnswer))
    }

    /// A row of the failure catalogue (F12), a section of an RFC, or of the provider facts (providers 3.1).
    var source: String
    var name: String
    var profile: String
    var status: Int
    /// Names in lower case.
    var headers: [(name: String, value: String)]
    var body: [UInt8]
    var verdict: Verdict

    init(
        _ source: String,
        _ name: String,
        _ profile: String,
        _ status: Int,
        headers: [(name: String, value: String)] = [],
        _ body: String,
        _ verdict: Verdict
    ) {
        self.source = source
        self.name = name
        self.profile = profile
        self.status = status
        self.headers = headers
        self.body = Array(body.utf8)
        self.verdict = verdict
    }

    /// Status 200, no headers.
    init(_ source: String, _ name: String, _ profile: String, _ body: String, _ verdict: Verdict) {
        self.init(source, name, profile, 200, body, verdict)
    }

    /// Status 200, no headers, and a provider that keeps to the RFC in what matters here.
    init(_ source: String, _ name: String, _ body: String, _ verdict: Verdict) {
        self.init(source, name, "box", 200, body, verdict)
    }

    init(_ source: String, _ name: String, bytes: [UInt8], _ verdict: Verdict) {
        self.init(source, name, "box", 200, "", verdict)
        self.body = bytes
    }
}

extension AnswerCase {
    static let all =
        RenewedAnswers.all + TolerantAnswers.all + MalformedAnswers.all + ErrorAnswers.all + StatusAnswers.all
        + MetaAnswers.all

    /// A good answer with more members in it.
    static func token(_ more: String = "", expires: String? = "3600") -> String {
        let lifetime = expires.map { #","expires_in":\#($0)"# } ?? ""
        return #"{"access_token":"canary-at-2"\#(lifetime)\#(more.isEmpty ? "" : "," + more)}"#
    }

    static func error(_ code: String, _ more: String = "") -> String {
        #"{"error":"\#(code)","error_description":"canary-text"\#(more)}"#
    }

    static let page = "<!DOCTYPE html><html><body>Please log in, canary</body></html>"

    static let sent = "canary-rt-1"

    /// What the strategy says of the answer.
    ///
    /// - Returns: Nil if there is no such profile.
    func judged(now: Timestamp) -> RefreshVerdict? {
        guard let client = Self.clients[self.profile] else { return nil }
        let answer = RawAnswer(status: self.status, headers: self.headers, body: Secret(self.body))
        return StandardRefresh().verdict(on: answer, grant: Self.grant, client: client, now: now)
    }

    static let grant = Grant(
        refreshToken: Secret(Self.sent),
        bindings: ["device_id": "d", "redirect_uri": "https://a.test/", "user_id": "1234567890"]
    )

    private static let clients: [String: OAuthClient] = Self.profiles.names.reduce(into: [:]) { clients, name in
        guard let profile = Self.profiles.profile(named: name), let id = try? ClientID("app") else { return }
        clients[name] = OAuthClient(id: id, profile: profile, clientID: "app", clientSecret: nil)
    }

    /// The built-in ones and an operator's whose answers are forms.
    static let profiles: ProfileCatalogue = {
        var form = ProviderProfile(id: "form", name: "Answers with forms")
        form.answersAreForms = true
        form.scopeSeparator = ","
        return ProfileCatalogue(own: [form])
    }()
}
