import FoundationEssentials

/// The errors of `org.refreshd.Control`.
package enum ControlError: Error, Hashable, Sendable {
    /// Also for accounts that do not exist, to callers who may not list them.
    case notAllowed
    case accountNotFound(account: String)
    case clientNotFound(client: String)
    /// The grant is dead: a person must authorize again.
    case needsAuthorization(account: String, cause: String)
    /// - retryAt: Unix seconds; `nil` if waiting will not help.
    case tokenUnavailable(account: String, cause: String, retryAt: Int?)
    /// The account stays; one line says what was done and what was not.
    case removalFailed(account: String, cause: String, message: String)
    /// Another change of the same account came first.
    case conflict(account: String)
    /// The provider's own words.
    case authorizationFailed(error: String, description: String?)
    /// - state: One of `Wire.DaemonState`.
    case notReady(state: String)
    /// The new configuration has a fault, told in one line; the old one stays in force.
    case reloadFailed(message: String)
    /// There is no backup, for a reason told in one line; the store is as it was.
    case backupFailed(message: String)
    /// The rekey did not get to its end, for a reason told in one line; what was done stays done.
    case rekeyFailed(message: String)

    /// The error's name without the interface's: `NotAllowed`.
    ///
    /// A closed set, fit for a metric's label.
    package var shortName: String {
        switch self {
        case .notAllowed: "NotAllowed"
        case .accountNotFound: "AccountNotFound"
        case .clientNotFound: "ClientNotFound"
        case .needsAuthorization: "NeedsAuthorization"
        case .tokenUnavailable: "TokenUnavailable"
        case .removalFailed: "RemovalFailed"
        case .conflict: "Conflict"
        case .authorizationFailed: "AuthorizationFailed"
        case .notReady: "NotReady"
        case .reloadFailed: "ReloadFailed"
        case .backupFailed: "BackupFailed"
        case .rekeyFailed: "RekeyFailed"
        }
    }

    /// The name on the wire: `org.refreshd.Control.NotAllowed`.
    package var name: String { "\(ControlInterface.name).\(self.shortName)" }

    /// Returns the error's fields as a JSON object.
    package func parameters() throws -> [UInt8] {
        try self.fields.controlJSON()
    }

    /// - Returns: `nil` if the name is none of ours, or if a field that the interface demands is missing.
    package init?(name: String, parameters: some Sequence<UInt8>) {
        let prefix = "\(ControlInterface.name)."
        guard name.hasPrefix(prefix), let fields = try? Fields(controlJSON: parameters) else { return nil }
        switch (name.dropFirst(prefix.count), fields.account, fields.cause) {
        case ("NotAllowed", _, _): self = .notAllowed
        case ("AccountNotFound", let account?, _): self = .accountNotFound(account: account)
        case ("NeedsAuthorization", let account?, let cause?):
            self = .needsAuthorization(account: account, cause: cause)
        case ("TokenUnavailable", let account?, let cause?):
            self = .tokenUnavailable(account: account, cause: cause, retryAt: fields.retryAt)
        case ("RemovalFailed", let account?, let cause?):
            guard let message = fields.message else { return nil }
            self = .removalFailed(account: account, cause: cause, message: message)
        case ("Conflict", let account?, _): self = .conflict(account: account)
        case ("ClientNotFound", _, _):
            guard let client = fields.client else { return nil }
            self = .clientNotFound(client: client)
        case ("AuthorizationFailed", _, _):
            guard let error = fields.error else { return nil }
            self = .authorizationFailed(error: error, description: fields.description)
        case ("NotReady", _, _):
            guard let state = fields.state else { return nil }
            self = .notReady(state: state)
        case ("ReloadFailed", _, _):
            guard let message = fields.message else { return nil }
            self = .reloadFailed(message: message)
        case ("BackupFailed", _, _):
            guard let message = fields.message else { return nil }
            self = .backupFailed(message: message)
        case ("RekeyFailed", _, _):
            guard let message = fields.message else { return nil }
            self = .rekeyFailed(message: message)
        default: return nil
        }
    }

    /// All fields that any of the errors has.
    private struct Fields: Codable, Sendable {
        var account: String?
        var cause: String?
        var client: String?
        var description: String?
        var error: String?
        var message: String?
        var retryAt: Int?
        var state: String?

        enum CodingKeys: String, CodingKey {
            case account, cause, client, description, error, message, state
            case retryAt = "retry_at"
        }
    }

    private var fields: Fields {
        switch self {
        case .notAllowed: Fields()
        case .accountNotFound(let account), .conflict(let account): Fields(account: account)
        case .clientNotFound(let client): Fields(client: client)
        case .needsAuthorization(let account, let cause): Fields(account: account, cause: cause)
        case .tokenUnavailable(let account, let cause, let retryAt):
            Fields(account: account, cause: cause, retryAt: retryAt)
        case .removalFailed(let account, let cause, let message):
            Fields(account: account, cause: cause, message: message)
        case .authorizationFailed(let error, let description): Fields(description: description, error: error)
        case .notReady(let state): Fields(state: state)
        case .reloadFailed(let message), .backupFailed(let message), .rekeyFailed(let message):
            Fields(message: message)
        }
    }
}
