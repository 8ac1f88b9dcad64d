package import RefreshCore

/// Why a token is kept, and neither served nor delivered.
///
/// The answer spent the grant, so what it brought must be durable all the same; a person decides what becomes of it.
package enum Withheld: Hashable, Sendable, CaseIterable {
    /// Its type is one that nobody here understands, so it must not be used (RFC 6749 §7.1; facts F24).
    case foreignType
    /// The answer names another user than the one whose grant was sent (facts F26).
    case otherIdentity

    package var cause: Cause {
        switch self {
        case .foreignType: .malformedAnswer
        case .otherIdentity: .identityChanged
        }
    }

    /// One sentence for people.
    package var message: String {
        switch self {
        case .foreignType: "the token is of a type that is not understood: it is kept and not served"
        case .otherIdentity: "the answer belongs to another user: its token is kept and not served"
        }
    }
}
