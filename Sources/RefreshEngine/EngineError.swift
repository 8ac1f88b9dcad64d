import OAuth
package import RefreshCore

/// Why the engine could not do what somebody at the edge asked for, one case for each thing that can be done about it.
package enum EngineError: Error, Hashable, Sendable {
    case accountNotFound(AccountID)
    case clientNotFound(String)
    /// A person must authorize again; `cause` is one of the fixed words.
    case needsAuthorization(AccountID, cause: String)
    /// Not now. `retryAt` is UTC, nil when nothing is scheduled.
    case unavailable(AccountID, cause: String, retryAt: Timestamp?)
    /// An account could not be removed as asked; one clause of what was not done, in our own words.
    case notRemoved(AccountID, cause: String, message: String)
    /// Somebody else changed the account at the same moment.
    case conflict(AccountID)
    /// Part of the call makes no sense; the parameter's name.
    case invalidParameter(String)
    /// A new authorization came to nothing; a person may begin another.
    ///
    /// - Parameters:
    ///   - error: One word, the provider's or ours.
    ///   - description: One sentence.
    case authorizationFailed(error: String, description: String?)
    /// The accounts are still being read in.
    case loading
}

extension EngineError {
    static func authorizationFailed(_ refusal: AuthorizationRefusal) -> EngineError {
        .authorizationFailed(error: refusal.error, description: refusal.description)
    }

    /// Nobody knows the state, or not any more, or it is somebody else's.
    package static let unknownAuthorization = Self.authorizationFailed(.unknownState)
}
