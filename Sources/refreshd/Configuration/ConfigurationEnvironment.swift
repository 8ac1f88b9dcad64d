import RefreshCore

/// Everything that reading the configuration needs from outside, so that tests need no files, users or secrets.
struct ConfigurationEnvironment: Sendable {
    /// Whose files are believed: root, and the user the daemon runs as.
    var trustedOwners: Set<UInt32>
    /// Whether a missing credentials folder is a warning: `check` at a shell has none, the service has.
    var credentialsAreOptional = false

    /// The bytes of a file, at most `Configuration.Limits.fileSize`.
    ///
    /// Of what is no regular file, the facts and no bytes.
    var readFile: @Sendable (_ path: String) throws(FileFault) -> (facts: FileFacts, bytes: [UInt8])
    /// The names in a folder, in any order.
    var listFolder: @Sendable (_ path: String) throws(FileFault) -> [String]
    /// The bytes of a secret as they are, at most `Configuration.Limits.secretSize`.
    var readSecret: @Sendable (_ reference: SecretReference) throws(FileFault) -> (facts: FileFacts, secret: Secret)
    /// Nil when there is no user of that name.
    var userNumber: @Sendable (_ name: String) -> UInt32?
    /// Nil when there is no group of that name.
    var groupNumber: @Sendable (_ name: String) -> UInt32?
}

/// What the file system says of an open file.
struct FileFacts: Hashable, Sendable {
    var isRegular = true
    var owner: UInt32
    /// The nine bits of `chmod`.
    var permissions: UInt32

    private static let writableByGroup: UInt32 = 0o020
    private static let writableByOthers: UInt32 = 0o002
    private static let anythingByOthers: UInt32 = 0o007

    /// Why this file may not tell the daemon what to do (facts T9); nil if it may.
    func faultAsConfiguration(trustedOwners: Set<UInt32>) -> (message: String, remedy: String)? {
        guard self.isRegular else { return ("is not a regular file", "put a file there") }
        guard trustedOwners.contains(self.owner) else {
            return ("belongs to neither root nor the user of the service", "chown it to root")
        }
        guard self.permissions & (Self.writableByGroup | Self.writableByOthers) == 0 else {
            return ("can be written by its group or by others", "chmod go-w it")
        }
        return nil
    }

    /// Why this file cannot be trusted to hold a secret; nil if it can.
    func faultAsSecret(trustedOwners: Set<UInt32>) -> (message: String, remedy: String)? {
        guard self.isRegular else { return ("names something that is not a regular file", "put a file there") }
        guard trustedOwners.contains(self.owner) else {
            return ("names a file that belongs to neither root nor the user of the service", "chown the file to root")
        }
        guard self.permissions & Self.anythingByOthers == 0 else {
            return (
                "names a file that others may use", "chmod o-rwx the file, and replace the secret if it was exposed"
            )
        }
        guard self.permissions & Self.writableByGroup == 0 else {
            return ("names a file that its group may write", "chmod g-w the file")
        }
        return nil
    }
}

/// Why something could not be read.
enum FileFault: Error, Hashable, Sendable {
    case absent
    /// There, but this process may not read it, or reading failed.
    case unreadable
    case tooLarge
    /// Credentials are asked for, and the service manager gave this process none at all.
    case noCredentials
}
