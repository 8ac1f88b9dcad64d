import ArgumentParser
import ControlAPI
import NIOCore
import Varlink

/// What the program exits with.
///
/// Others' scripts depend on the numbers.
enum Outcome: Int32, Sendable {
    case done = 0
    /// Refused or failed.
    case failed = 1
    case wrongUsage = 2
    case unreachable = 3
    case needsAuthorization = 4
    case notAllowed = 5
}

/// Why a command did not do what it was asked: how to exit, and one line that says what to do about it.
struct Failure: Error, Hashable, Sendable {
    var status: Outcome
    /// One line, save for ArgumentParser's explanation of a wrong command line; without its end, and safe on a
    /// terminal.
    ///
    /// `nil`: everything has been said.
    var reason: String?

    /// The reason in its own words, for a text that says elsewhere who speaks.
    private(set) var plainReason: String

    init(_ status: Outcome, _ reason: String?) {
        self.status = status
        self.reason = reason.map { "refreshctl: \($0)" }
        self.plainReason = reason ?? ""
    }

    /// Translates whatever a command threw.
    init(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case is CancellationError: self.init(.failed, "interrupted")
        case Terminal.WriteError.readerIsGone: self.init(.failed, nil)
        case Terminal.WriteError.failed(let detail): self.init(.failed, "cannot write: \(detail)")
        case is DecodingError, is JSONError:
            self.init(
                .failed,
                "refreshd's answer is not what its interface says; refreshctl and refreshd may differ in version"
            )
        default: self.init(usage: error)
        }
    }

    /// Puts a client's error into words; `socket` is the path, to be named in them.
    init(_ error: VarlinkClientError, socket: String) {
        let socket = socket.escaped
        switch error {
        case .unreachable(.noSocket):
            self.init(
                .unreachable,
                "refreshd is not running: no socket at \(socket); start it (systemctl start refreshd) or name its socket with --socket"
            )
        case .unreachable(.nobodyListens):
            self.init(
                .unreachable,
                "refreshd is not running: nobody listens at \(socket); start it (systemctl start refreshd)"
            )
        case .unreachable(.notPermitted):
            self.init(
                .notAllowed,
                "you may not open \(socket); join the group refreshd-clients or ask the administrator"
            )
        case .unreachable(.other(let detail)): self.init(.unreachable, "cannot connect to \(socket): \(detail.escaped)")
        case .closed:
            // Whom no rule allows anything is not even read: that is by far the likeliest reason for a closed door.
            self.init(
                .notAllowed,
                "refreshd closed the connection without an answer: no [[access]] rule allows this user anything, or it is stopping (journalctl -u refreshd)"
            )
        case .timedOut:
            self.init(.unreachable, "refreshd did not answer in time; see its journal (journalctl -u refreshd)")
        case .malformed(let detail):
            self.init(.failed, "what listens at \(socket) does not speak refreshd's protocol: \(detail.escaped)")
        case .refused(let error): self.init(error)
        }
    }

    init(_ error: VarlinkError) {
        if let error = ControlError(name: error.name, parameters: error.parameters.encoded.readableBytesView) {
            self.init(error)
            return
        }
        let subject = (error.parameters.members.first?.value.string ?? "").escaped
        switch error.name.split(separator: ".").last {
        case "PermissionDenied"?: self.init(.notAllowed, Self.notAllowed)
        case "InvalidParameter"? where subject == "token.client_id":
            self.init(.failed, "the grant was given to another client_id than that of the configured client")
        case "InvalidParameter"?: self.init(.failed, "refreshd does not take this value for '\(subject)'")
        case "MethodNotFound"?, "InterfaceNotFound"?:
            self.init(.failed, "this refreshd does not know \(subject); it may be older than refreshctl")
        case "MethodNotImplemented"?: self.init(.failed, "this refreshd cannot do \(subject)")
        default: self.init(.failed, "refreshd answered with the error \(error.name.escaped)")
        }
    }

    init(_ error: ControlError) {
        switch error {
        case .notAllowed: self.init(.notAllowed, Self.notAllowed)
        case .accountNotFound(let account):
            self.init(.failed, "there is no account \(account.escaped); 'refreshctl list' shows those that exist")
        case .clientNotFound(let client):
            self.init(
                .failed,
                "there is no client \(client.escaped); add [clients.\(client.escaped)] to refreshd.toml and reload"
            )
        case .needsAuthorization(let account, let cause):
            self.init(
                .needsAuthorization,
                "\(account.escaped) needs authorization (\(cause.escaped)); its owner must grant access again: 'refreshctl authorize \(account.escaped)', or 'refreshctl add' it"
            )
        case .tokenUnavailable(let account, let cause, let retryAt):
            let wait = retryAt.map { "; the next try is \(Output.timestamp($0))" } ?? ""
            self.init(
                .failed,
                "no token for \(account.escaped) now (\(cause.escaped))\(wait); 'refreshctl explain \(account.escaped)' says more"
            )
        case .removalFailed(let account, let cause, let message):
            self.init(.failed, "\(account.escaped): \(message.escaped) (\(cause.escaped))")
        case .conflict(let account):
            self.init(.failed, "another change of \(account.escaped) came first; look at it and try again")
        case .authorizationFailed(let error, let description):
            let words = description.map { ": \($0.escaped)" } ?? ""
            self.init(.failed, "authorization failed\(words) (\(error.escaped))")
        case .reloadFailed(let message): self.init(.failed, "the running configuration stays: \(message.escaped)")
        case .backupFailed(let message): self.init(.failed, "no backup was made: \(message.escaped)")
        case .rekeyFailed(let message): self.init(.failed, "the rekey was not finished: \(message.escaped)")
        case .notReady(let state): self.init(.failed, "refreshd is \(state.escaped); try again in a moment")
        }
    }

    private static let notAllowed =
        "not allowed; the [[access]] tables in refreshd.toml say who may do what"

    /// What ArgumentParser says: a request for help, or a wrong command line.
    private init(usage error: any Error) {
        let text = Refreshctl.fullMessage(for: error)
        switch Refreshctl.exitCode(for: error) {
        case .success:
            try? Terminal.standardOutput.print(text)
            self.init(.done, nil)
        case .validationFailure:
            self.init(.wrongUsage, nil)
            self.reason = text
        default: self.init(.failed, Refreshctl.message(for: error).escaped)
        }
    }
}
