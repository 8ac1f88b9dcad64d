/// The methods of `org.refreshd.Control`, each as a value of its arguments.
///
/// What they do stands in the `.varlink` text.
package enum Call {
    package struct GetToken: ControlCall {
        package typealias Reply = TokenReply
        package static let method = "GetToken"

        package var account: String
        /// How long the token must live yet, in seconds.
        ///
        /// Absent: any life at all.
        package var minValid: Int?

        package init(account: String, minValid: Int? = nil) {
            self.account = account
            self.minValid = minValid
        }

        package enum CodingKeys: String, CodingKey, CaseIterable {
            case account
            case minValid = "min_valid"
        }
    }

    /// Answers once for each account; call with `more`.
    package struct List: ControlCall {
        package typealias Reply = AccountReply
        package static let method = "List"

        package var client: String?
        /// One of the words of `Wire.AccountState`.
        ///
        /// A string, for that is what the interface says.
        package var state: String?
        /// The name after which the list begins.
        ///
        /// It need not exist (any more).
        package var after: String?
        /// The most accounts to answer with.
        package var limit: Int?

        package init(client: String? = nil, state: String? = nil, after: String? = nil, limit: Int? = nil) {
            self.client = client
            self.state = state
            self.after = after
            self.limit = limit
        }
    }

    package struct Show: ControlCall {
        package typealias Reply = AccountReply
        package static let method = "Show"

        package var account: String

        package init(account: String) {
            self.account = account
        }
    }

    package struct Put: ControlCall {
        package typealias Reply = AccountReply
        package static let method = "Put"

        package var account: String
        package var token: TokenAnswer
        /// When the provider answered.
        ///
        /// Absent: now.
        package var issuedAt: Int?

        package init(account: String, token: TokenAnswer, issuedAt: Int? = nil) {
            self.account = account
            self.token = token
            self.issuedAt = issuedAt
        }

        package enum CodingKeys: String, CodingKey, CaseIterable {
            case account, token
            case issuedAt = "issued_at"
        }
    }

    package struct Remove: ControlCall {
        package typealias Reply = EmptyReply
        package static let method = "Remove"

        package var account: String
        package var revoke: Bool?

        package init(account: String, revoke: Bool? = nil) {
            self.account = account
            self.revoke = revoke
        }
    }

    package struct Refresh: ControlCall {
        package typealias Reply = AccountReply
        package static let method = "Refresh"

        package var account: String

        package init(account: String) {
            self.account = account
        }
    }

    package struct Deliver: ControlCall {
        package typealias Reply = AccountReply
        package static let method = "Deliver"

        package var account: String
        /// Absent: every sink that takes this account.
        package var sink: String?

        package init(account: String, sink: String? = nil) {
            self.account = account
            self.sink = sink
        }
    }

    package struct Pause: ControlCall {
        package typealias Reply = AccountReply
        package static let method = "Pause"

        package var account: String

        package init(account: String) {
            self.account = account
        }
    }

    package struct Resume: ControlCall {
        package typealias Reply = AccountReply
        package static let method = "Resume"

        package var account: String

        package init(account: String) {
            self.account = account
        }
    }

    /// Answers once for each event, until the caller closes; call with `more`.
    package struct Watch: ControlCall {
        package typealias Reply = EventReply
        package static let method = "Watch"

        package var client: String?
        package var account: String?

        package init(client: String? = nil, account: String? = nil) {
            self.client = client
            self.account = account
        }
    }

    package struct Explain: ControlCall {
        package typealias Reply = ExplainReply
        package static let method = "Explain"

        package var account: String

        package init(account: String) {
            self.account = account
        }
    }

    package struct Status: ControlCall {
        package typealias Reply = StatusReply
        package static let method = "Status"

        package init() {}
    }

    package struct Metrics: ControlCall {
        package typealias Reply = MetricsReply
        package static let method = "Metrics"

        package init() {}
    }

    package struct Reload: ControlCall {
        package typealias Reply = EmptyReply
        package static let method = "Reload"

        package init() {}
    }

    package struct IssueHandoff: ControlCall {
        package typealias Reply = IssueHandoffReply
        package static let method = "IssueHandoff"

        package var account: String
        /// Absent: the one that the account is handed off to.
        package var sink: String?

        package init(account: String, sink: String? = nil) {
            self.account = account
            self.sink = sink
        }
    }

    package struct Backup: ControlCall {
        package typealias Reply = EmptyReply
        package static let method = "Backup"

        /// Absolute, as the daemon sees it.
        package var path: String

        package init(path: String) {
            self.path = path
        }
    }

    /// With `more`, answers as it goes on.
    package struct Rekey: ControlCall {
        package typealias Reply = RekeyReply
        package static let method = "Rekey"

        package init() {}
    }

    package struct BeginAuthorization: ControlCall {
        package typealias Reply = AuthorizationReply
        package static let method = "BeginAuthorization"

        package var client: String
        package var account: String
        /// Absent: as registered with the provider, which may show the code on the screen.
        package var redirectURI: String?
        /// Absent: those of the client's configuration.
        package var scopes: [String]?

        package init(client: String, account: String, redirectURI: String? = nil, scopes: [String]? = nil) {
            self.client = client
            self.account = account
            self.redirectURI = redirectURI
            self.scopes = scopes
        }

        package enum CodingKeys: String, CodingKey, CaseIterable {
            case client, account
            case redirectURI = "redirect_uri"
            case scopes
        }
    }

    /// Neither a code nor a callback: waits for the end of an authorization on another device.
    package struct CompleteAuthorization: ControlCall {
        package typealias Reply = AccountReply
        package static let method = "CompleteAuthorization"

        package var state: String
        package var code: String?
        package var callback: String?

        package init(state: String, code: String? = nil, callback: String? = nil) {
            self.state = state
            self.code = code
            self.callback = callback
        }
    }

    package struct BeginDeviceAuthorization: ControlCall {
        package typealias Reply = DeviceAuthorizationReply
        package static let method = "BeginDeviceAuthorization"

        package var client: String
        package var account: String

        package init(client: String, account: String) {
            self.client = client
            self.account = account
        }
    }
}
