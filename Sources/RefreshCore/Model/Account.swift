/// How eagerly a client's tokens are kept fresh.
package enum RefreshMode: String, Hashable, Sendable, CaseIterable {
    /// Before every expiry.
    case eager
    /// When somebody asks, and before the refresh token idles out.
    case lazy
}

/// What a lane may do to its endpoint.
package struct LaneLimits: Hashable, Sendable {
    /// Requests a second, more than 0; nil for no limit.
    package var rate: Double?
    /// Requests in flight, 1 or more.
    package var concurrency: Int
    /// How long the first request to a client of which nobody knows whether it is accepted goes alone; refusals come
    /// sooner (facts F10).
    package var patience: Duration

    package init(rate: Double? = nil, concurrency: Int = 32, patience: Duration = .seconds(2)) {
        self.rate = rate
        self.concurrency = concurrency
        self.patience = patience
    }
}

/// All traffic to one token endpoint on behalf of one client: what is slowed down, closed and probed together.
package struct LaneID: Hashable, Sendable {
    package var endpoint: String
    /// The `client_id` as the provider knows it.
    package var clientID: String

    package init(endpoint: String, clientID: String) {
        self.endpoint = endpoint
        self.clientID = clientID
    }
}
