/// The profiles that a configuration can name: the operator's own, and behind them the built-in ones.
package struct ProfileCatalogue: Sendable {
    private let builtIn: [String: ProviderProfile]
    private let own: [String: ProviderProfile]

    /// - Parameters:
    ///   - builtIn: What the program brings along.
    ///   - own: The operator's files. One that has the name of a built-in profile replaces it as a whole; of two with
    ///     one name the later wins, as with drop-ins.
    package init(builtIn: [ProviderProfile] = BuiltInProfiles.all, own: [ProviderProfile] = []) {
        self.builtIn = Dictionary(builtIn.map { ($0.id, $0) }) { _, later in later }
        self.own = Dictionary(own.map { ($0.id, $0) }) { _, later in later }
    }

    package func profile(named name: String) -> ProviderProfile? { self.own[name] ?? self.builtIn[name] }

    /// Whether the profile of this name is the operator's, for explanations.
    package func isOwn(_ name: String) -> Bool { self.own[name] != nil }

    /// All names, sorted.
    package var names: [String] { Set(self.own.keys).union(self.builtIn.keys).sorted() }
}
