package import RefreshCore

/// What is configured of one sink, one case for each type.
package enum SinkSettings: Hashable, Sendable {
    case setKeys(SetKeysSettings)
    case file(FileSettings)
    case command(CommandSettings)
}

/// Where a `set-keys` sink delivers, and as whom.
///
/// All of it comes from the configuration and nothing from a request: whoever could name the public key could have
/// somebody's token delivered to a project of their own (facts T10).
package struct SetKeysSettings: Hashable, Sendable {
    /// Without a query; delivery goes to `{url}/{storage_key}/set_keys`.
    package let url: EndpointURL
    package let publicKey: String
    /// For each client whose accounts are delivered; an account of any other client is refused.
    package let storageKeys: [ClientID: StorageKey]
    /// Whether the refresh token goes along.
    ///
    /// Off unless asked for: two holders of one single-use token kill each other's grant (facts T13).
    package let sendsRefreshToken: Bool
    /// PEM file of certificates that are trusted beside the system's.
    package let caFile: String?

    /// Checks the settings.
    ///
    /// The public key has the form of a storage key, `[A-Za-z0-9_-]{1,64}`.
    ///
    /// - Throws: `SinkSettingsError.publicKey` or `.query`.
    package init(
        url: EndpointURL,
        publicKey: String,
        storageKeys: [ClientID: StorageKey],
        sendsRefreshToken: Bool = false,
        caFile: String? = nil
    ) throws(SinkSettingsError) {
        guard url.query == nil else { throw .query }
        guard StorageKey.isKey(publicKey) else { throw .publicKey }
        self.url = url
        self.publicKey = publicKey
        self.storageKeys = storageKeys
        self.sendsRefreshToken = sendsRefreshToken
        self.caFile = caFile
    }
}

/// The name under which a third party keeps the tokens of one provider: exactly one path segment.
package struct StorageKey: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// Checks the key: `[A-Za-z0-9_-]{1,64}`.
    ///
    /// - Throws: `SinkSettingsError.storageKey`.
    package init(_ text: String) throws(SinkSettingsError) {
        guard Self.isKey(text) else { throw .storageKey }
        self.text = text
    }

    package var description: String { self.text }

    static func isKey(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                PercentEncoding.isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            }
    }
}

/// Why there is no sink for some settings, one case for each remedy.
package enum SinkSettingsError: Error, Hashable, Sendable {
    case storageKey
    case publicKey
    /// The address has a query of its own.
    case query
    /// A path for tokens that is relative, or has `{account}` not once in its last part.
    case tokenPath
    /// A command that is empty or not an absolute path.
    case command
    /// The file with private roots cannot be read, or holds no certificate in PEM form.
    case noCertificate(path: String)
    /// The catalogue is being, or has been, shut down.
    case shutDown

    /// One clause for people.
    package var sentence: String {
        switch self {
        case .storageKey: "a storage key has 1 to 64 letters, digits, hyphens and underscores"
        case .publicKey: "a public key has 1 to 64 letters, digits, hyphens and underscores"
        case .query: "the address of a sink must not have a query"
        case .tokenPath: "the path of a file sink is absolute and has {account} once, in the file's name"
        case .command: "a command begins with an absolute path"
        case .noCertificate(let path): "\(path) cannot be read or holds no certificate in PEM form"
        case .shutDown: "the daemon is stopping"
        }
    }
}
