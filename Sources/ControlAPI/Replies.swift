/// Answers `GetToken`.
package struct TokenReply: Codable, Hashable, Sendable {
    package var token: Wire.Token
    /// The token lives, but its renewal is in trouble: what a person should know.
    package var warning: String?

    package init(token: Wire.Token, warning: String? = nil) {
        self.token = token
        self.warning = warning
    }
}

/// Answers every method that ends with an account to show.
package struct AccountReply: Codable, Hashable, Sendable {
    package var account: Wire.Account

    package init(account: Wire.Account) {
        self.account = account
    }
}

/// Answers `Watch`, once for each event.
package struct EventReply: Codable, Hashable, Sendable {
    package var event: Wire.Event

    package init(event: Wire.Event) {
        self.event = event
    }
}

/// Answers `Explain`.
package struct ExplainReply: Codable, Hashable, Sendable {
    /// Text for people, without line ends and control characters.
    package var lines: [String]

    package init(lines: [String]) {
        self.lines = lines
    }
}

/// Answers `Status`.
package struct StatusReply: Codable, Hashable, Sendable {
    package var status: Wire.Status

    package init(status: Wire.Status) {
        self.status = status
    }
}

/// Answers `Metrics`.
package struct MetricsReply: Codable, Hashable, Sendable {
    /// OpenMetrics text, `# EOF` included.
    package var openmetrics: String

    package init(openmetrics: String) {
        self.openmetrics = openmetrics
    }
}

/// Answers `IssueHandoff`.
package struct IssueHandoffReply: Codable, Hashable, Sendable {
    /// From the root of the hand-off socket; good for one use.
    package var path: String
    package var generation: Int
    package var expiresAt: Int

    package init(path: String, generation: Int, expiresAt: Int) {
        self.path = path
        self.generation = generation
        self.expiresAt = expiresAt
    }

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case path, generation
        case expiresAt = "expires_at"
    }
}

/// Answers `Rekey`; with `more`, once for each part of it.
package struct RekeyReply: Codable, Hashable, Sendable {
    /// Accounts sealed anew so far.
    package var done: Int
    /// Accounts that could not be.
    package var left: Int

    package init(done: Int, left: Int) {
        self.done = done
        self.left = left
    }
}

/// Answers `BeginAuthorization`.
package struct AuthorizationReply: Codable, Hashable, Sendable {
    /// Where to send the person's browser.
    package var url: String
    package var state: String
    package var expiresAt: Int

    package init(url: String, state: String, expiresAt: Int) {
        self.url = url
        self.state = state
        self.expiresAt = expiresAt
    }

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case url, state
        case expiresAt = "expires_at"
    }
}

/// Answers `BeginDeviceAuthorization`.
package struct DeviceAuthorizationReply: Codable, Hashable, Sendable {
    package var userCode: String
    package var verificationURI: String
    /// The same with the code in it.
    package var verificationURIComplete: String?
    package var expiresAt: Int
    /// For `CompleteAuthorization`, which waits for the end.
    package var state: String

    package init(
        userCode: String,
        verificationURI: String,
        verificationURIComplete: String? = nil,
        expiresAt: Int,
        state: String
    ) {
        self.userCode = userCode
        self.verificationURI = verificationURI
        self.verificationURIComplete = verificationURIComplete
        self.expiresAt = expiresAt
        self.state = state
    }

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case userCode = "user_code"
        case verificationURI = "verification_uri"
        case verificationURIComplete = "verification_uri_complete"
        case expiresAt = "expires_at"
        case state
    }
}

/// Answers methods that have nothing to say but that it is done.
package struct EmptyReply: Codable, Hashable, Sendable {
    package init() {}
}
