/// The place of a commit in the order of all commits of one store.
package struct Revision: Hashable, Comparable, Sendable {
    package var number: Int64

    package init(_ number: Int64) { self.number = number }

    package static func < (left: Revision, right: Revision) -> Bool { left.number < right.number }
}

/// One committed revision of one account: the only thing from which clients and sinks are told anything.
package struct Change: Sendable {
    package enum Kind: Sendable {
        /// A new account, with its first token.
        case added(Token)
        /// A new generation.
        case renewed(Token)
        /// An attempt failed; the token is the old one.
        case failed
        /// The state changed without an attempt.
        case state
        /// A sink has been told, or has refused.
        case delivered
        case removed
    }

    package var account: AccountID
    package var revision: Revision
    package var kind: Kind

    package init(account: AccountID, revision: Revision, kind: Kind) {
        self.account = account
        self.revision = revision
        self.kind = kind
    }
}
