/// What a third party's storage key needs a grant to permit.
package enum RequiredPermissions {
    /// The scopes for each of Uploadcare's storage keys (facts 2.1); for the others none is named.
    private static let byStorageKey: [String: [String]] = [
        "facebook": ["user_photos", "user_videos", "user_likes", "user_friends"],
        "gdrive": ["https://www.googleapis.com/auth/drive.readonly"],
        "skydrive": ["wl.offline_access", "wl.skydrive"],
        "vk": ["friends", "photos", "docs", "offline"],
    ]

    /// Names under which a provider grants the same, or more: the newer ones of the same endpoint (facts 3.4), and of
    /// Microsoft's v2.0 (facts 3.5).
    private static let equivalents: [String: [String]] = [
        "wl.offline_access": ["offline_access"],
        "wl.skydrive": ["onedrive.readonly", "onedrive.readwrite"],
        "Files.Read": ["Files.Read.All"],
    ]

    /// The scopes that a storage key needs; empty for one of which nothing is known, such as that of a custom OAuth app.
    package static func scopes(of storageKey: String) -> [String] { Self.byStorageKey[storageKey, default: []] }

    /// The scopes that a storage key needs from clients of a profile, in the provider's own words where those differ.
    package static func scopes(of storageKey: String, profile: ProviderProfile) -> [String] {
        profile.storageKey == storageKey ? profile.requiredScopes : Self.scopes(of: storageKey)
    }

    /// Those of `required` that a grant does not have, by neither of their names.
    ///
    /// - Parameters:
    ///   - required: By the names of the profile or of the storage key.
    ///   - granted: As the provider told them.
    /// - Returns: Nothing for a provider that names no scopes: it has told nothing, so nothing is known to be missing.
    package static func missing(_ required: [String], from granted: [String]) -> [String] {
        guard !granted.isEmpty else { return [] }
        return required.filter { name in
            !granted.contains(name) && !Self.equivalents[name, default: []].contains { granted.contains($0) }
        }
    }
}
