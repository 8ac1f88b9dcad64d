import Varlink

/// What another program keeps of an account, on the way to what a token endpoint would have answered.
struct ForeignToken: Hashable, Sendable {
    enum Expiry: Hashable, Sendable {
        case unknown
        /// Unix seconds.
        case at(Int64)
        case never
    }

    /// As they stand in the file; what they must be is `ImportLine`'s to say.
    var accessToken: JSONValue?
    var refreshToken: JSONValue?
    var tokenType: JSONValue?
    var scope: JSONValue?
    /// Whom the grant was given to.
    ///
    /// The daemon holds it against the client's own: a grant of another would be spent in vain.
    var clientID: String?
    var expiry = Expiry.unknown

    /// The line that imports it.
    ///
    /// These programs note when a token ends and not how long it lived, so the rest of its life counts from `now`. An
    /// access token whose end has come is left out: the refresh token alone is worth importing.
    ///
    /// - Parameters:
    ///   - account: Its name here.
    ///   - now: Unix seconds.
    /// - Returns: A line as good as one that was read.
    /// - Throws: `ImportLine.Fault` if what is left is no token and no grant.
    func line(for account: AccountName, now: Int64) throws(ImportLine.Fault) -> ImportLine {
        var token = JSONObject()
        token["refresh_token"] = self.refreshToken.flatMap(Self.present)
        token["access_token"] = self.accessToken.flatMap(Self.present)
        var issuedAt: Int64?
        if case .at(let end) = self.expiry, token["access_token"] != nil {
            if end > now {
                token["expires_in"] = .int(end - now)
                issuedAt = now
            } else {
                guard token["refresh_token"] != nil else {
                    throw ImportLine.Fault(
                        account: account,
                        reason: "its access token has expired, and there is no refresh token"
                    )
                }
                token["access_token"] = nil
            }
        }
        token["token_type"] = token["access_token"] == nil ? nil : self.tokenType.flatMap(Self.present)
        token["scope"] = self.scope.flatMap(Self.present)
        token["client_id"] = self.clientID.map { .string($0) }
        return try ImportLine(checking: account, token: token, issuedAt: issuedAt)
    }

    /// An empty text is how many files say that there is nothing.
    private static func present(_ value: JSONValue) -> JSONValue? {
        value == .null || value == .string("") ? Optional.none : value
    }
}
