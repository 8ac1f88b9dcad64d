import Foundation

/// A folder of one run, for stores and sockets.
enum Scratch {
    /// Makes a folder that only this user may enter, and removes it when `body` ends.
    static func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        // Short: a socket's path has 107 bytes.
        let name = "refreshd-bench-\(UInt32.random(in: .min ... .max))"
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: folder,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder.path)
    }
}
