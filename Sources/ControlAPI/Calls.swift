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
}
