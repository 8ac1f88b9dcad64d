import Varlink

/// Credentials of one user as Google's tools and libraries keep them.
///
/// `gcloud auth application-default login` writes `client_id`, `client_secret`, `refresh_token` and
/// `"type": "authorized_user"`; the libraries' `token.json` has `token`, `expiry` and `scopes` too. The client's secret is
/// not taken over: it is configured.
enum GoogleCredentials {
    /// - Throws: `ImportLine.Fault`, which holds nothing of the file's values.
    static func account(
        in bytes: [UInt8],
        _ naming: AccountNaming,
        now: Int64
    ) throws(ImportLine.Fault) -> ForeignAccount {
        let members = try ImportLine.object(bytes)
        if members["installed"] != nil || members["web"] != nil {
            throw ImportLine.Fault(reason: "this is a client's registration; it holds no account's tokens")
        }
        switch members["type"] {
        case nil, .string("authorized_user")?: break
        case .string("service_account")?:
            throw ImportLine.Fault(reason: "a service account has a key and no refresh token; there is nothing to keep")
        default:
            throw ImportLine.Fault(reason: "'type' is not authorized_user: these credentials have no refresh token")
        }
        let account = try naming.name(for: nil)
        var token = ForeignToken()
        token.refreshToken = members["refresh_token"]
        token.accessToken = members["token"]
        token.clientID = members["client_id"]?.string
        if let scopes = members["scopes"]?.array {
            token.scope = .string(scopes.compactMap(\.string).joined(separator: " "))
        } else {
            token.scope = members["scopes"]
        }
        if let expiry = members["expiry"]?.string {
            // Some versions of the library leave the zone out, and mean UTC.
            guard let moment = InternetTime.seconds(expiry) ?? InternetTime.seconds(expiry + "Z") else {
                throw ImportLine.Fault(account: account, reason: "'expiry' is not a moment of RFC 3339")
            }
            token.expiry = .at(moment)
        }
        guard token.refreshToken?.string != nil else {
            throw ImportLine.Fault(account: account, reason: "'refresh_token' is missing")
        }
        let line = try token.line(for: account, now: now)
        return ForeignAccount(line: 1, content: .success(line))
    }
}
