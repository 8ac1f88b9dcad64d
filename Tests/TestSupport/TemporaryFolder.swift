import FoundationEssentials

/// A folder of a test's own, mode 0700, gone with the last reference to it.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "refreshd-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: url,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
        self.path = url.path()
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    /// The path of something in the folder.
    package func path(_ name: String) -> String { "\(self.path)/\(name)" }

    /// The bytes of every file in it, by name.
    package func contents() throws -> [String: [UInt8]] {
        var contents: [String: [UInt8]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: self.path) {
            contents[name] = try self.bytes(name)
        }
        return contents
    }

    package func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: self.path(name))))
    }

    package func write(_ bytes: some Collection<UInt8>, to name: String, mode: Int = 0o600) throws {
        try Data(bytes).write(to: URL(filePath: self.path(name)))
        try self.setMode(mode, of: name)
    }

    package func setMode(_ mode: Int, of name: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: self.path(name))
    }

    package func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: self.path(name)) }

    package func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: self.path(name)) }
}
