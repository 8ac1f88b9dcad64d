/// What a new authorization asked for, as far as its answer may leave it out.
package struct AskedFor: Hashable, Sendable {
    /// Granted as asked, if the answer names no scope (RFC 6749 §5.1).
    package var scopes: [String]
    /// What the provider binds the grant to, by parameter name.
    package var bindings: [String: String]

    package init(scopes: [String], bindings: [String: String] = [:]) {
        self.scopes = scopes
        self.bindings = bindings
    }
}
