package import RefreshCore

/// An account as it is told to the outside: everything but secrets.
///
/// Every moment is UTC.
package struct AccountView: Sendable {
    package var account: AccountID
    package var profile: String
    package var state: AccountState
    package var generation: Generation
    package var facts: TokenFacts
    /// Scopes that the sinks' storage keys need and the grant does not have.
    package var missingScope: [String]
    package var refreshAt: Timestamp?
    package var failure: Failure?
    package var deliveries: [DeliveryView]
}

/// How far one delivery has got.
package struct DeliveryView: Sendable {
    package var delivery: Delivery
    package var storageKey: String?
}

/// What a watcher is told.
package struct Event: Sendable {
    package enum Kind: String, Sendable {
        case added
        case renewed
        case delivered
        case failed
        case state
        case removed
    }

    package var kind: Kind
    package var account: AccountView
    package var at: Timestamp
}

/// The daemon in numbers.
package struct EngineStatus: Sendable {
    package struct Client: Sendable {
        package var client: ClientID
        package var profile: String
        package var accounts: Int
        package var inFlight: Int
        package var closedUntil: Timestamp?
        package var breaker: Breaker.State
    }

    package var accounts: Int
    package var byState: [AccountState: Int]
    package var dueNextMinute: Int
    package var nextRefreshAt: Timestamp?
    package var deliveriesPending: Int
    package var clients: [Client]
}
