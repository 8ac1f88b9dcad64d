/// What a sink is given.
package struct SinkMessage: Sendable {
    package var account: AccountID
    package var token: Token
    /// Only when the sink's configuration asks for it.
    package var refreshToken: Secret?

    package init(account: AccountID, token: Token, refreshToken: Secret?) {
        self.account = account
        self.token = token
        self.refreshToken = refreshToken
    }
}

/// Why a sink did not take a change.
package enum SinkError: Error, Hashable, Sendable {
    /// It will not have it, now or later: nothing is tried until the token or the configuration changes.
    case refused(message: String)
    /// It could not: try again, not before the given time has passed if it named one (`Retry-After`).
    case unavailable(Cause, message: String, retryAfter: Duration?)
}

/// A third party that is given changes and acknowledges them.
package protocol TokenSink: Sendable {
    /// Delivers one change; delivering the same one twice does no harm.
    ///
    /// - Throws: `SinkError`, whose messages hold neither token nor URL.
    func deliver(_ message: SinkMessage) async throws(SinkError)

    /// An account is gone: what is left to do for it here begins, and is not waited for.
    func removed(_ account: AccountID)
}

extension TokenSink {
    package func removed(_ account: AccountID) {}
}
