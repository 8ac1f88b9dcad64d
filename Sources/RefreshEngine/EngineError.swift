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
    /// The accounts are still being read in.
    case loading
}
