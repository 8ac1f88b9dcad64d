import Varlink

/// An account of oidc-agent, as `oidc-gen --print=NAME` writes it.
///
/// The files in oidc-agent's own folder are encrypted with the user's password, so it must write them out itself. It
/// keeps no access token on disk.
enum OidcAgentAccount {
    static func account(
        in bytes: [UInt8],
        _ naming: AccountNaming,
        now: Int64
    ) throws(ImportLine.Fault) -> ForeignAccount {
        guard bytes.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) == UInt8(ascii: "{") else {
            throw ImportLine.Fault(
                reason:
                    "this is not an account in clear; write it out with 'oidc-gen --print=NAME > FILE' and import that"
            )
        }
        let members = try ImportLine.object(bytes)
        let account = try naming.name(for: members["name"]?.string)
        guard let refreshToken = members["refresh_token"], refreshToken.string?.isEmpty == false else {
            throw ImportLine.Fault(
                account: account,
                reason: "'refresh_token' is missing; renew the account first with 'oidc-gen --reauthenticate NAME'"
            )
        }
        var token = ForeignToken()
        token.refreshToken = refreshToken
        token.scope = members["scope"]
        token.clientID = members["client_id"]?.string
        return ForeignAccount(line: 1, content: .success(try token.line(for: account, now: now)))
    }
}
