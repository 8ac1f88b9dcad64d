package import OAuth
package import RefreshCore

/// What the engine is told to do, made from the configuration by the assembly.
package struct EngineSettings: Sendable {
    package var clients: [ClientID: ClientSettings]
    package var sinks: [SinkID: SinkBinding]
    /// Requests in flight in all lanes together, 1 or more.
    package var maximumInFlight: Int

    package init(clients: [ClientID: ClientSettings], sinks: [SinkID: SinkBinding], maximumInFlight: Int = 512) {
        self.clients = clients
        self.sinks = sinks
        self.maximumInFlight = maximumInFlight
    }
}

/// One OAuth client registration and how its accounts are kept.
package struct ClientSettings: Sendable {
    package var client: OAuthClient
    package var endpoint: any TokenEndpoint
    /// Reads what the provider publishes; nil where nothing is looked up.
    package var metadata: (any MetadataSource)?
    package var window: RefreshWindow
    package var mode: RefreshMode
    package var limits: LaneLimits

    package init(
        client: OAuthClient,
        endpoint: any TokenEndpoint,
        metadata: (any MetadataSource)? = nil,
        window: RefreshWindow,
        mode: RefreshMode,
        limits: LaneLimits
    ) {
        self.client = client
        self.endpoint = endpoint
        self.metadata = metadata
        self.window = window
        self.mode = mode
        self.limits = limits
    }

    package var habit: RotationHabit { self.client.profile.habit }

    /// When a token falls due, on the time line of its facts.
    ///
    /// - Returns: Nil when nothing has to be done before somebody asks, or nothing can be done. What cannot be refreshed is
    ///   due when it ends.
    package func due(_ facts: TokenFacts, of account: AccountID) -> Timestamp? {
        let profile = self.client.profile
        guard profile.strategyImplementation != nil else { return facts.expiresAt }
        // Of a grant that ends if it lies idle, nine tenths: a week before a quarter is over, hours before a day is.
        let idle = facts.grantExpiresAt.map { facts.issuedAt + ($0 - facts.issuedAt).scaled(by: 0.9) }
        guard self.mode == .eager, let expiresAt = facts.expiresAt else { return idle }
        if let ahead = profile.refreshAhead {
            let lifetime = expiresAt - facts.issuedAt
            let due = self.window.due(issuedAt: facts.issuedAt, lifetime: lifetime, ahead: ahead, phase: account.phase)
            return Swift.max(due, profile.earliestRefresh(facts) ?? due)
        }
        return self.window.due(
            issuedAt: facts.issuedAt,
            lifetime: expiresAt - facts.issuedAt,
            phase: account.phase
        )
    }
}

/// One sink and whose accounts it is given.
package struct SinkBinding: Sendable {
    package var sink: any TokenSink
    package var clients: Set<ClientID>
    /// What the sink calls each client's tokens; shown, never asked for.
    package var storageKeys: [ClientID: String]
    /// The scopes that a delivery needs, by client.
    package var requiredScopes: [ClientID: [String]]
    /// Whether a delivery that lacks some of them is held back.
    package var refusesMissingScopes: Bool
    package var sendsRefreshToken: Bool
    /// Where the account's own browser is sent instead; nil for a sink that is called from here.
    package var handoff: (any HandoffAddress)?

    package init(
        sink: any TokenSink,
        clients: Set<ClientID>,
        storageKeys: [ClientID: String],
        requiredScopes: [ClientID: [String]],
        refusesMissingScopes: Bool,
        sendsRefreshToken: Bool,
        handoff: (any HandoffAddress)? = nil
    ) {
        self.sink = sink
        self.clients = clients
        self.storageKeys = storageKeys
        self.requiredScopes = requiredScopes
        self.refusesMissingScopes = refusesMissingScopes
        self.sendsRefreshToken = sendsRefreshToken
        self.handoff = handoff
    }

    /// The scopes that a client's tokens would need here and this one lacks.
    ///
    /// A provider that names no scopes at all has told nothing, so nothing counts as missing.
    package func missingScopes(_ facts: TokenFacts, client: ClientID) -> [String] {
        RequiredPermissions.missing(self.requiredScopes[client, default: []], from: facts.scope)
    }
}
