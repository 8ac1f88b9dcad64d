/// The types of `org.refreshd.Control`, as they stand on the wire: frozen, where the core's own types may change.
///
/// Every `At` is a moment in Unix seconds.
package enum Wire {
    /// An access token and what to know about it.
    ///
    /// Print no value of this type: it is the secret.
    package struct Token: Codable, Hashable, Sendable {
        package var accessToken: String
        package var tokenType: String
        /// Absent: it does not expire, or the provider does not say.
        package var expiresAt: Int?
        package var scope: [String]
        /// Grows with each renewal of the account.
        package var generation: Int

        package init(
            accessToken: String,
            tokenType: String,
            expiresAt: Int? = nil,
            scope: [String],
            generation: Int
        ) {
            self.accessToken = accessToken
            self.tokenType = tokenType
            self.expiresAt = expiresAt
            self.scope = scope
            self.generation = generation
        }

        package enum CodingKeys: String, CodingKey, CaseIterable {
            case accessToken = "access_token"
            case tokenType = "token_type"
            case expiresAt = "expires_at"
            case scope, generation
        }
    }

    /// The last failure of something that is tried again.
    package struct Failure: Codable, Hashable, Sendable {
        /// One of the fixed words of the contract, such as `network` or `revoked`.
        package var cause: String
        /// A sentence for a person.
        ///
        /// Holds no secret, but words of the provider: escape it before it reaches a terminal.
        package var message: String
        package var at: Int
        /// Absent: nothing is tried again by itself.
        package var retryAt: Int?
        /// How often in a row.
        package var count: Int

        package init(cause: String, message: String, at: Int, retryAt: Int? = nil, count: Int) {
            self.cause = cause
            self.message = message
            self.at = at
            self.retryAt = retryAt
            self.count = count
        }

        package enum CodingKeys: String, CodingKey, CaseIterable {
            case cause, message, at
            case retryAt = "retry_at"
            case count
        }
    }

    /// Where one sink is with an account.
    package enum DeliveryState: String, Codable, CaseIterable, Sendable {
        case pending
        case delivered
        case retrying
        case refused
        case handoff
    }

    /// How far one sink is with the account's token.
    package struct Delivery: Codable, Hashable, Sendable {
        package var sink: String
        package var storageKey: String?
        package var state: DeliveryState
        /// The generation that was delivered last.
        package var generation: Int?
        package var at: Int?
        package var failure: Failure?

        package init(
            sink: String,
            storageKey: String? = nil,
            state: DeliveryState,
            generation: Int? = nil,
            at: Int? = nil,
            failure: Failure? = nil
        ) {
            self.sink = sink
            self.storageKey = storageKey
            self.state = state
            self.generation = generation
            self.at = at
            self.failure = failure
        }

        package enum CodingKeys: String, CodingKey, CaseIterable {
            case sink
            case storageKey = "storage_key"
            case state, generation, at, failure
        }
    }

    /// The states of the contract's table.
    package enum AccountState: String, Codable, CaseIterable, Sendable {
        case fresh
        case refreshing
        case retrying
        case inDoubt = "in_doubt"
        case needsAuthorization = "needs_authorization"
        case misconfigured
        case `static`
        case paused
    }

    /// An account without its secrets.
    package struct Account: Codable, Hashable, Sendable {
        package var account: String
        package var client: String
        package var profile: String
        package var state: AccountState
        package var generation: Int
        package var scope: [String]
        /// What the account's sinks need and the grant does not give.
        package var missingScope: [String]
        package var issuedAt: Int?
        package var expiresAt: Int?
        /// The next refresh by plan.
        package var refreshAt: Int?
        /// When the refresh token itself ends, if the provider says so.
        package var grantExpiresAt: Int?
        package var failure: Failure?
        package var deliveries: [Delivery]

        package init(
            account: String,
            client: String,
            profile: String,
            state: AccountState,
            generation: Int,
            scope: [String],
            missingScope: [String],
            issuedAt: Int? = nil,
            expiresAt: Int? = nil,
            refreshAt: Int? = nil,
            grantExpiresAt: Int? = nil,
            failure: Failure? = nil,
            deliveries: [Delivery]
        ) {
            self.account = account
            self.client = client
            self.profile = profile
            self.state = state
            self.generation = generation
            self.scope = scope
            self.missingScope = missingScope
            self.issuedAt = issuedAt
            self.expiresAt = expiresAt
            self.refreshAt = refreshAt
            self.grantExpiresAt = grantExpiresAt
            self.failure = failure
            self.deliveries = deliveries
        }

        package enum CodingKeys: String, CodingKey, CaseIterable {
            case account, client, profile, state, generation, scope
            case missingScope = "missing_scope"
            case issuedAt = "issued_at"
            case expiresAt = "expires_at"
            case refreshAt = "refresh_at"
            case grantExpiresAt = "grant_expires_at"
            case failure, deliveries
        }
    }

    /// What happened.
    package enum EventKind: String, Codable, CaseIterable, Sendable {
        case added
        case renewed
        case delivered
        case failed
        case state
        case removed
    }

    /// Something happened to an account, which is shown as it is now.
    package struct Event: Codable, Hashable, Sendable {
        package var kind: EventKind
        package var account: Account
        package var at: Int

        package init(kind: EventKind, account: Account, at: Int) {
            self.kind = kind
            self.account = account
            self.at = at
        }
    }

    /// Whether requests to a token endpoint go through.
    package enum BreakerState: String, Codable, CaseIterable, Sendable {
        case closed
        case open
        case halfOpen = "half_open"
    }

    /// One OAuth client and the way to its token endpoint.
    package struct Client: Codable, Hashable, Sendable {
        package var client: String
        package var profile: String
        package var accounts: Int
        package var inFlight: Int
        /// Until then the provider asked for silence.
        package var closedUntil: Int?
        package var breaker: BreakerState

        package init(
            client: String,
            profile: String,
            accounts: Int,
            inFlight: Int,
            closedUntil: Int? = nil,
            breaker: BreakerState
        ) {
            self.client = client
            self.profile = profile
            self.accounts = accounts
            self.inFlight = inFlight
            self.closedUntil = closedUntil
            self.breaker = breaker
        }

        package enum CodingKeys: String, CodingKey, CaseIterable {
            case client, profile, accounts
            case inFlight = "in_flight"
            case closedUntil = "closed_until"
            case breaker
        }
    }

    /// The life of the daemon.
    package enum DaemonState: String, Codable, CaseIterable, Sendable {
        case loading
        case ready
        case reloading
        case stopping
    }

    /// The daemon as a whole.
    package struct Status: Codable, Hashable, Sendable {
        package var version: String
        package var state: DaemonState
        package var pid: Int
        package var startedAt: Int
        package var accounts: Int
        /// How many accounts are in each state; states without any may be left out.
        package var byState: [String: Int]
        package var dueNextMinute: Int
        package var nextRefreshAt: Int?
        package var deliveriesPending: Int
        package var clients: [Client]

        package init(
            version: String,
            state: DaemonState,
            pid: Int,
            startedAt: Int,
            accounts: Int,
            byState: [String: Int],
            dueNextMinute: Int,
            nextRefreshAt: Int? = nil,
            deliveriesPending: Int,
            clients: [Client]
        ) {
            self.version = version
            self.state = state
            self.pid = pid
            self.startedAt = startedAt
            self.accounts = accounts
            self.byState = byState
            self.dueNextMinute = dueNextMinute
            self.nextRefreshAt = nextRefreshAt
            self.deliveriesPending = deliveriesPending
            self.clients = clients
        }

        package enum CodingKeys: String, CodingKey, CaseIterable {
            case version, state, pid
            case startedAt = "started_at"
            case accounts
            case byState = "by_state"
            case dueNextMinute = "due_next_minute"
            case nextRefreshAt = "next_refresh_at"
            case deliveriesPending = "deliveries_pending"
            case clients
        }
    }
}
