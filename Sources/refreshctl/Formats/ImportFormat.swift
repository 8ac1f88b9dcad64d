import ArgumentParser

/// Whose file `refreshctl import` reads.
enum ImportFormat: String, CaseIterable, ExpressibleByArgument, Sendable {
    /// Our own JSON lines.
    case lines
    /// Google's credentials of a user: `application_default_credentials.json`, or the `token.json` of its libraries.
    case google
    case rclone
    /// What `oidc-gen --print` writes.
    case oidcAgent = "oidc-agent"
    /// Known, so that it can be said why it cannot be read.
    case pizauth
    case csv
}

/// How the accounts of another program's file are called here.
enum AccountNaming: Hashable, Sendable {
    /// The file holds one account, and this is its name.
    case one(AccountName)
    /// The client is given, and the file has the subjects.
    case client(String)
    /// The file has the whole names.
    case asWritten

    /// The name of an account.
    ///
    /// - Parameter subject: What the file calls it; nil if it does not.
    /// - Returns: A checked name.
    /// - Throws: `ImportLine.Fault`, which does not repeat the file's text.
    func name(for subject: String?) throws(ImportLine.Fault) -> AccountName {
        let text: String
        switch self {
        case .one(let account): return account
        case .client(let client):
            guard let subject else { throw ImportLine.Fault(reason: "the file does not name it; use --account") }
            text = "\(client)/\(subject)"
        case .asWritten:
            guard let subject else { throw ImportLine.Fault(reason: "the account is not named; use --account") }
            text = subject
        }
        do throws(AccountName.Fault) {
            return try AccountName(checking: text)
        } catch {
            throw ImportLine.Fault(reason: "the account's name \(error.reason)")
        }
    }
}

/// An account in another program's file, and where it stands.
struct ForeignAccount: Sendable {
    /// Counted from 1.
    var line: Int
    var content: Result<ImportLine, ImportLine.Fault>
    /// What whoever imports it should know, in one line, safe on a terminal.
    var note: String?
}
