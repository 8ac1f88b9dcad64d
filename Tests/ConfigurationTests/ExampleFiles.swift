@testable import refreshd

/// The files of `etc/refreshd`, with everything switched on that they hold.
enum ExampleFiles {
    /// `refreshd.toml`, with each line that begins with # and no blank taken for configuration.
    static func main() throws -> String {
        try Self.lines("refreshd.toml").map { line in
            guard line.hasPrefix("#"), let next = line.dropFirst().first, next != " " else { return String(line) }
            return String(line.dropFirst())
        }
        .joined(separator: "\n") + "\n"
    }

    /// `refreshd.toml` as it is installed.
    static func installed() throws -> String { try Self.lines("refreshd.toml").joined(separator: "\n") + "\n" }

    /// The example of `providers.d/README`, which is indented.
    static func profile() throws -> String {
        try Self.lines("providers.d/README").filter { $0.hasPrefix("    ") }.joined(separator: "\n") + "\n"
    }

    private static func lines(_ name: String) throws -> [Substring] {
        let parts = #filePath.split(separator: "/").dropLast(3)
        let path = "/" + parts.joined(separator: "/") + "/etc/refreshd/" + name
        let text = String(decoding: try ConfigurationEnvironment.host.readFile(path).bytes, as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false)
    }
}
