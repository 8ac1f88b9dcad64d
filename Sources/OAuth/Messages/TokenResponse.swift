package import RefreshCore

/// A token endpoint's good answer (RFC 6749 §5.1), read with tolerance where providers differ and with none where a
/// wrong guess would lose a grant or let something into a header.
package struct TokenResponse: Sendable {
    package static let bearer = "Bearer"

    /// Visible ASCII, 1 byte to 64 KiB.
    package let accessToken: Secret
    /// `Bearer` in this spelling, whatever case it came in or if it did not come (facts F23); else as written.
    package let tokenType: String
    /// Each scope once, in the order of the answer; nil: none, or an empty one.
    package let scope: [String]?
    package let lifetime: Lifetime
    /// The moment it ends, UTC, where the provider tells that instead of a lifetime; nil: see `lifetime`.
    package let expiresAt: Timestamp?
    /// Nil: omitted, null or empty (facts F12).
    package let refreshToken: Secret?
    /// How long the grant lasts, by `refresh_token_expires_in` or `refresh_expires_in`; nil: not said.
    package let grantLifetime: Duration?
    /// The members that the profile binds a grant to, and the user it names, for a grant that is first stored.
    package let bindings: [String: String]
    /// Whom the grant was given to, where whoever brings it in says so; no provider does.
    package let clientID: String?
    /// Why the token may not be used; nil: it may.
    package let withheld: Withheld?
    /// What was odd, in our own words.
    package let notes: [String]

    /// The most bytes of a token; no provider is known to need a tenth of it (facts T4).
    package static let maximumTokenLength = 64 * 1_024

    /// Reads an answer.
    ///
    /// - Parameters:
    ///   - bytes: At most 256 KiB; more is malformed.
    ///   - profile: Says how scopes are separated, what a lifetime of zero means, and what a grant is bound to.
    ///   - grant: What was sent, if anything was: the answer must belong to it.
    ///   - takesBareGrant: Whether a refresh token will do alone, as other programs keep one; see `isBareGrant`.
    /// - Throws: `TokenResponseError`; `onlyRefreshToken` holds something that must not be lost.
    package init(
        parsing bytes: [UInt8],
        profile: ProviderProfile = BuiltInProfiles.rfc6749,
        answering grant: Grant? = nil,
        takesBareGrant: Bool = false
    ) throws(TokenResponseError) {
        guard !Self.isPage(bytes) else { throw .page }
        let members: [String: JSONValue]
        do {
            members = Self.unwrapped(
                try profile.answersAreForms ? FormBody.members(in: bytes) : JSONReader.object(in: bytes),
                profile
            )
        } catch {
            throw .unreadable(error)
        }
        // First of all: some providers send errors under HTTP 200 (facts F07).
        if let error = ErrorResponse(members: members, profile: profile) { throw .refused(error) }

        var notes: [String] = []
        let isItsOwnGrant = profile.strategy.spendsAccessToken
        let sent = isItsOwnGrant ? nil : grant?.refreshToken
        let found = profile.accessTokenMember.flatMap { members[$0] } ?? members["access_token"]
        // The old refresh token in this place would be shown to everybody who may have an access token.
        let accessToken = found.flatMap(Self.accessToken).flatMap { $0 == sent ? nil : $0 }
        self.refreshToken = isItsOwnGrant ? nil : try Self.refreshToken(members["refresh_token"], besides: found)
        if let grant, let name = Self.foreignEcho(in: members, of: grant, profile: profile) {
            throw .otherRequest(name)
        }
        let identity = profile.identityMember.flatMap { members[$0]?.identity }
        let isOtherUser = Self.isOtherUser(identity, grant: grant, profile: profile)
        let isBareGrant = takesBareGrant && members["access_token"] ?? .null == .null && self.refreshToken != nil
        guard let accessToken = accessToken ?? (isBareGrant ? Secret("") : nil) else {
            guard let refreshToken = self.refreshToken, refreshToken != sent, !isOtherUser else { throw .noAccessToken }
            throw .onlyRefreshToken(refreshToken)
        }
        self.accessToken = accessToken
        self.tokenType = Self.tokenType(members["token_type"], &notes)
        self.scope = Self.scope(members["scope"], separator: profile.scopeSeparator, &notes)
        self.lifetime = Self.lifetime(members["expires_in"], zeroMeansNever: profile.zeroLifetimeMeansNever, &notes)
        self.expiresAt = profile.expiryMember.flatMap { Self.moment(members[$0], &notes) }
        let grantTimes = ["refresh_token_expires_in", "refresh_expires_in"].lazy.compactMap { members[$0]?.seconds }
        self.grantLifetime = grantTimes.first { $0 > .zero }
        var bindings: [String: String] = [:]
        for name in profile.bindings {
            if case .string(let text) = members[name], (1...4_096).contains(text.utf8.count) { bindings[name] = text }
        }
        if let member = profile.identityMember, let identity { bindings[member] = identity }
        self.bindings = bindings
        self.clientID = members["client_id"]?.text
        self.withheld = isOtherUser ? .otherIdentity : self.tokenType == Self.bearer ? nil : .foreignType
        self.notes = notes
    }
}

extension TokenResponse {
    /// Whether there is a refresh token and no access token: a token that has ended before it began.
    package var isBareGrant: Bool { self.accessToken.isEmpty }
}

/// Why an answer gives no token.
package enum TokenResponseError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It is no object, or none that can be trusted.
    case unreadable(JSONFault)
    /// It is a page for people: a portal or a proxy spoke in the endpoint's place (facts E17).
    case page
    /// It is an error.
    case refused(ErrorResponse)
    /// It has no access token, or one that cannot be used, and no refresh token.
    case noAccessToken
    /// It has no access token that can be used, but a refresh token (facts F17).
    case onlyRefreshToken(Secret)
    /// It repeats another value of the parameter than the one that was sent, so it is somebody else's answer.
    case otherRequest(String)
    /// Its refresh token is none: wrong type, wrong characters, too long, or the access token again (facts F15).
    case badRefreshToken

    /// One clause of our own words.
    package var description: String {
        switch self {
        case .unreadable(let fault): fault.description
        case .page: "the answer is a web page"
        case .refused: "the answer is an error"
        case .otherRequest(let name): "the answer belongs to another request: it repeats another \(name)"
        case .noAccessToken: "the answer has no usable access token"
        case .onlyRefreshToken: "the answer has a refresh token but no usable access token"
        case .badRefreshToken: "the refresh token of the answer is malformed"
        }
    }
}

extension TokenResponse {
    /// Whether the first thing in the bytes, white space and a byte order mark aside, is `<`.
    private static func isPage(_ bytes: [UInt8]) -> Bool {
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        return text.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "<")
    }

    /// The answer itself, where the profile says in what it may be wrapped.
    private static func unwrapped(_ members: [String: JSONValue], _ profile: ProviderProfile) -> [String: JSONValue] {
        guard let name = profile.listMember, members["access_token"] == nil, members["error"] == nil,
            case .array(let list)? = members[name], list.count == 1, case .object(let answer) = list[0]
        else { return members }
        return answer
    }

    /// The first of the profile's echoes that is there and is not what was sent.
    private static func foreignEcho(
        in members: [String: JSONValue],
        of grant: Grant,
        profile: ProviderProfile
    ) -> String? {
        profile.echoes.first { name in
            switch members[name] {
            case nil, .null: false
            case .string(let text): text != (grant.bindings[name] ?? profile.extraParameters[name])
            case .bool, .number, .array, .object: true
            }
        }
    }

    /// Whether both the answer and the grant name a user, and not the same one.
    private static func isOtherUser(_ identity: String?, grant: Grant?, profile: ProviderProfile) -> Bool {
        guard let identity, let known = profile.identityMember.flatMap({ grant?.bindings[$0] }) else { return false }
        return identity != known
    }

    private static func accessToken(_ value: JSONValue) -> Secret? {
        // Visible: a space or a line end would split the Authorization header that it goes into.
        guard let text = value.text, Self.isToken(text, from: 0x21) else { return nil }
        return Secret(text)
    }

    private static func refreshToken(
        _ value: JSONValue?,
        besides accessToken: JSONValue?
    ) throws(TokenResponseError) -> Secret? {
        switch value {
        case nil, .null, .string(""): return nil
        case .string(let text):
            // A space is allowed (RFC 6749 appendix A.17), and here goes into nothing but a form.
            guard Self.isToken(text, from: 0x20), value != accessToken else { throw .badRefreshToken }
            return Secret(text)
        case .bool, .number, .array, .object: throw .badRefreshToken
        }
    }

    private static func isToken(_ text: String, from first: UInt8) -> Bool {
        (1...Self.maximumTokenLength).contains(text.utf8.count)
            && text.utf8.allSatisfy { (first...0x7E).contains($0) }
    }

    private static func tokenType(_ value: JSONValue?, _ notes: inout [String]) -> String {
        switch value {
        case nil, .null, .string(""): return Self.bearer
        case .string(let text) where text.lowercased() == "bearer": return Self.bearer
        case .string(let text) where text.utf8.count <= 64 && Self.isToken(text, from: 0x21):
            notes.append("token_type is not Bearer")
            return text
        case .string, .bool, .number, .array, .object:
            notes.append("token_type is not a word")
            return "unknown"
        }
    }

    private static func scope(_ value: JSONValue?, separator: Character, _ notes: inout [String]) -> [String]? {
        let words: [String]
        switch value {
        case nil, .null: return nil
        case .string(let text):
            words = text.split { $0 == separator || $0.isWhitespace }.map(String.init)
        case .array(let values):
            words = values.compactMap(\.text)
            if words.count < values.count { notes.append("scope held something that is no text, which was left out") }
        case .bool, .number, .object:
            notes.append("scope was neither a text nor a list")
            return nil
        }
        // The characters of RFC 6749 §3.3: others could split a scope in two where it is shown.
        let scopes = words.filter { word in
            !word.isEmpty && word.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
        }
        if scopes.count < words.count { notes.append("scope held words with characters that no scope has") }
        guard scopes.reduce(0, { $0 + $1.utf8.count }) <= Self.maximumScopeLength else {
            notes.append("scope was too long and was left out")
            return nil
        }
        var seen: Set<String> = []
        let distinct = scopes.filter { seen.insert($0).inserted }
        return distinct.isEmpty ? nil : distinct
    }

    /// A moment in milliseconds of Unix time, as a number or as text.
    ///
    /// One that is no number, or not of this century, is left out: it was written in another unit.
    private static func moment(_ value: JSONValue?, _ notes: inout [String]) -> Timestamp? {
        let digits: String
        switch value {
        case nil, .null: return nil
        case .number(let text), .string(let text): digits = text
        case .bool, .array, .object: digits = ""
        }
        guard let milliseconds = Int64(digits), (946_684_800_000...4_102_444_800_000).contains(milliseconds) else {
            notes.append("the moment of expiry was not in milliseconds")
            return nil
        }
        return .epoch + .milliseconds(milliseconds)
    }

    /// All scopes together; they are stored and told to every subscriber.
    private static let maximumScopeLength = 16 * 1_024

    private static func lifetime(_ value: JSONValue?, zeroMeansNever: Bool, _ notes: inout [String]) -> Lifetime {
        guard let value, value != .null else { return .unknown }
        guard let time = value.seconds else {
            notes.append("expires_in was not a number")
            return .unknown
        }
        if time > .zero { return .known(time) }
        if zeroMeansNever { return .never }
        notes.append("expires_in was not more than zero")
        return .zero
    }
}
