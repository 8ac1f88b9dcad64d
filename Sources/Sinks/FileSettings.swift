package import RefreshCore

/// Where a `file` sink writes, and for whom.
package struct FileSettings: Hashable, Sendable {
    package let path: TokenPath
    package let format: TokenFormat
    /// The permission bits of each file, such as 0o600.
    package let mode: UInt32
    /// Whose the files are; nil: the daemon's user, and the group that the folder gives.
    package let owner: UInt32?
    package let group: UInt32?

    package init(path: TokenPath, format: TokenFormat, mode: UInt32 = 0o600, owner: UInt32? = nil, group: UInt32? = nil)
    {
        self.path = path
        self.format = format
        self.mode = mode
        self.owner = owner
        self.group = group
    }
}

/// A path for each account: a folder that exists, and a name with `{account}` in it.
package struct TokenPath: Hashable, Sendable {
    private static let placeholder = "{account}"

    /// Absolute, without the slash at its end.
    package let folder: String
    /// What stands in the name before and behind the account.
    private let before: String
    private let behind: String

    /// Checks the path.
    ///
    /// - Throws: `SinkSettingsError.tokenPath` unless it is absolute and has the placeholder once, in its last part: two
    ///   accounts must not write one file, and folders are the operator's to make.
    package init(_ text: String) throws(SinkSettingsError) {
        guard text.hasPrefix("/"), let slash = text.lastIndex(of: "/") else { throw .tokenPath }
        let folder = text[..<slash]
        let parts = text[text.index(after: slash)...].split(
            separator: Self.placeholder,
            omittingEmptySubsequences: false
        )
        guard parts.count == 2, !folder.contains("{"), !folder.split(separator: "/").contains("..") else {
            throw .tokenPath
        }
        self.folder = folder.isEmpty ? "/" : String(folder)
        self.before = String(parts[0])
        self.behind = String(parts[1])
    }

    /// The file's name for an account.
    ///
    /// Letters, digits and `_ - @ . +` stand for themselves, everything else is percent-encoded: so two accounts never
    /// share a name, and none leads into another folder (an account begins with a letter or digit).
    ///
    /// - Returns: Nil for a name longer than the 255 bytes that a file system takes.
    package func name(for account: AccountID) -> String? {
        var encoded = ""
        for byte in account.name.utf8 {
            let isPlain = PercentEncoding.isAlphanumeric(byte) || "_-@.+".utf8.contains(byte)
            encoded += isPlain ? String(UnicodeScalar(byte)) : "%" + Self.hexadecimal(byte)
        }
        let name = self.before + encoded + self.behind
        return name.utf8.count <= 255 ? name : nil
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let digits = Array("0123456789ABCDEF")
        return String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
    }
}
