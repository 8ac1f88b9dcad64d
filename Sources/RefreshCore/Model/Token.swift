/// How many tokens of an account have been seen; it only grows.
///
/// 1 is the token the account came with.
package struct Generation: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var number: Int64

    package init(_ number: Int64) { self.number = number }

    package static let first = Generation(1)
    package var next: Generation { Generation(self.number + 1) }

    package static func < (left: Generation, right: Generation) -> Bool { left.number < right.number }
    package var description: String { "\(self.number)" }
}

/// What of a token may be shown: everything but the token itself.
package struct TokenFacts: Hashable, Sendable {
    /// As the provider wrote it, `Bearer` if it wrote nothing (RFC 6749 §7.1; facts F23).
    package var tokenType: String
    package var scope: [String]
    /// When the answer arrived.
    package var issuedAt: Timestamp
    /// When the provider stops accepting it; nil when it never does, or nobody knows.
    package var expiresAt: Timestamp?
    /// When the grant behind it ends if nothing is done; nil when it does not, or nobody knows.
    package var grantExpiresAt: Timestamp?

    package init(
        tokenType: String,
        scope: [String],
        issuedAt: Timestamp,
        expiresAt: Timestamp?,
        grantExpiresAt: Timestamp? = nil
    ) {
        self.tokenType = tokenType
        self.scope = scope
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.grantExpiresAt = grantExpiresAt
    }

    /// The facts with every moment moved by `shift`: from the daemon's time line to UTC or back.
    package func shifted(by shift: Duration) -> TokenFacts {
        var moved = self
        moved.issuedAt = self.issuedAt + shift
        moved.expiresAt = self.expiresAt.map { $0 + shift }
        moved.grantExpiresAt = self.grantExpiresAt.map { $0 + shift }
        return moved
    }
}

/// The access token, its type, its expiry, its generation.
package struct Token: Hashable, Sendable {
    package var accessToken: Secret
    package var facts: TokenFacts
    package var generation: Generation

    package init(accessToken: Secret, facts: TokenFacts, generation: Generation) {
        self.accessToken = accessToken
        self.facts = facts
        self.generation = generation
    }
}
