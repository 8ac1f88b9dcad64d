import Glibc

/// Whether standard error still leads to the journal (systemd.exec(5), `$JOURNAL_STREAM`).
///
/// That the variable is set is not enough: a shell in the service, or a redirection, inherits it too.
package enum JournalStream {
    /// True if descriptor 2 is the very stream that the service manager connected to the journal.
    package static var isStandardError: Bool {
        var facts = stat()
        guard unsafe fstat(STDERR_FILENO, &facts) == 0 else { return false }
        let variable = unsafe getenv("JOURNAL_STREAM").map { unsafe String(cString: $0) }
        return Self.names(variable, device: UInt64(facts.st_dev), inode: UInt64(facts.st_ino))
    }

    /// Whether the variable, `device:inode` in decimal, names the file with these two numbers.
    static func names(_ variable: String?, device: UInt64, inode: UInt64) -> Bool {
        guard let parts = variable?.split(separator: ":", omittingEmptySubsequences: false), parts.count == 2 else {
            return false
        }
        return UInt64(parts[0]) == device && UInt64(parts[1]) == inode
    }
}
