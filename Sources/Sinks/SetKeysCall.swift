import RefreshCore

/// The address that hands one token over, which is therefore a secret itself.
///
/// `GET {url}/{storage_key}/set_keys?public_key&access_token&token_type[&refresh_token]` (facts, providers 2.1).
struct SetKeysCall {
    let address: Secret

    /// - Throws: `SinkError.refused` when no storage key is configured for the account's client.
    init(_ message: SinkMessage, settings: SetKeysSettings) throws(SinkError) {
        guard let client = try? ClientID(String(message.account.client)), let key = settings.storageKeys[client] else {
            throw .refused(message: "no storage key is configured for this client")
        }
        var parameters: [(name: String, value: [UInt8])] = [
            ("public_key", Array(settings.publicKey.utf8)),
            ("access_token", message.token.accessToken.revealBytes()),
            ("token_type", Array(message.token.facts.tokenType.utf8)),
        ]
        if settings.sendsRefreshToken, let refreshToken = message.refreshToken {
            parameters.append(("refresh_token", refreshToken.revealBytes()))
        }
        let query = parameters.map { "\($0.name)=\(PercentEncoding.encode($0.value))" }.joined(separator: "&")
        self.address = Secret("\(settings.address(of: "set_keys", under: key.text))?\(query)")
    }
}

extension SetKeysSettings {
    /// `{url}/{storage_key}/{action}`, without a query and so without a secret.
    func address(of action: String, under storageKey: String) -> String {
        var path = self.url.path[...]
        while path.last == "/" { path.removeLast() }
        return "\(self.url.scheme.rawValue)://\(self.url.authority)\(path)/\(storageKey)/\(action)"
    }

    /// The jar of an account; nil when no storage key is configured for its client.
    func jarKey(of account: AccountID) -> JarKey? {
        guard let client = try? ClientID(String(account.client)), let key = self.storageKeys[client] else { return nil }
        return JarKey(account: account, publicKey: self.publicKey, storageKey: key.text)
    }
}
