/// Why something failed, one fixed word for each thing a person or a program does about it.
///
/// The words are part of the interface: `failure.cause`, the journal's `REFRESHD_CAUSE`, and metric labels.
package enum Cause: String, Hashable, Sendable, CaseIterable {
    case network
    case timeout
    case tls
    case rateLimited = "rate_limited"
    case serverError = "server_error"
    case malformedAnswer = "malformed_answer"
    case clientRejected = "client_rejected"
    case revoked
    case answerLost = "answer_lost"
    case graceMissed = "grace_missed"
    case identityChanged = "identity_changed"
    case keyLost = "key_lost"
    case storeUnavailable = "store_unavailable"
    case missingPermissions = "missing_permissions"
    case sinkRefused = "sink_refused"
}

/// What went wrong last, kept until the next success.
package struct Failure: Hashable, Sendable {
    package var cause: Cause
    /// One sentence for people, made of our own words: a server's text never gets in.
    package var message: String
    package var at: Timestamp
    /// When it is tried again; nil when only a person, or a new configuration, can help.
    package var retryAt: Timestamp?
    /// How many times in a row, 1 or more.
    package var count: Int

    package init(cause: Cause, message: String, at: Timestamp, retryAt: Timestamp?, count: Int) {
        self.cause = cause
        self.message = message
        self.at = at
        self.retryAt = retryAt
        self.count = count
    }

    /// The failure with every moment moved by `shift`: from the daemon's time line to UTC or back.
    package func shifted(by shift: Duration) -> Failure {
        var moved = self
        moved.at = self.at + shift
        moved.retryAt = self.retryAt.map { $0 + shift }
        return moved
    }
}

/// How an account stands once nothing is under way: what the last attempt left behind.
package enum Standing: String, Hashable, Sendable, CaseIterable {
    /// The token is good, and the next refresh is scheduled.
    case good
    /// The last try failed; the next is scheduled.
    case retrying
    /// A refresh was sent and no answer came.
    case inDoubt = "in_doubt"
    /// The grant is dead; a person must authorize again.
    case needsAuthorization = "needs_authorization"
    /// The provider refuses this client, not this grant.
    case misconfigured
    /// It does not expire, or cannot be refreshed.
    case `static`
}

/// The state of an account as it is told to the outside.
package enum AccountState: String, Hashable, Sendable, CaseIterable {
    case fresh
    case refreshing
    case retrying
    case inDoubt = "in_doubt"
    case needsAuthorization = "needs_authorization"
    case misconfigured
    case `static`
    case paused

    /// What is told of an account, from how it stands, whether an operator stopped it, and whether a refresh runs.
    package init(standing: Standing, isPaused: Bool, isRefreshing: Bool) {
        // A refresh that is under way is told even of a paused account: pausing does not call it back.
        if isRefreshing {
            self = .refreshing
        } else if isPaused {
            self = .paused
        } else {
            switch standing {
            case .good: self = .fresh
            case .retrying: self = .retrying
            case .inDoubt: self = .inDoubt
            case .needsAuthorization: self = .needsAuthorization
            case .misconfigured: self = .misconfigured
            case .static: self = .static
            }
        }
    }
}
