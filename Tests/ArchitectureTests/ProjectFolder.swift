import FoundationEssentials
import Testing

/// The folder of the project, found from where this file stands.
enum ProjectFolder {
    private static let path = String(#filePath.dropLast("/Tests/ArchitectureTests/ProjectFolder.swift".count))

    /// The text of a file, by its path in the project.
    static func text(_ path: String) throws -> String {
        let data = try Data(contentsOf: URL(filePath: "\(Self.path)/\(path)"))
        return try #require(String(bytes: data, encoding: .utf8))
    }

    /// The names of the folders in a folder, sorted.
    static func folders(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(Self.path)/\(path)")
            .filter { name in
                var isDirectory = false
                return FileManager.default.fileExists(atPath: "\(Self.path)/\(path)/\(name)", isDirectory: &isDirectory)
                    && isDirectory
            }
            .sorted()
    }

    /// The paths of all Swift files below a folder, sorted.
    static func swiftFiles(in path: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: "\(Self.path)/\(path)")
            .filter { $0.hasSuffix(".swift") }
            .map { "\(path)/\($0)" }
            .sorted()
    }

    /// The modules that a file imports, in its order.
    static func imports(of path: String) throws -> [String] {
        try Self.text(path).split(separator: "\n").compactMap { line in
            var words = line.split(separator: " ").filter { !$0.hasPrefix("@") }[...]
            while let word = words.first, ["package", "internal", "private", "fileprivate", "public"].contains(word) {
                words = words.dropFirst()
            }
            guard words.popFirst() == "import", var module = words.popFirst() else { return nil }
            if ["struct", "class", "enum", "func", "protocol", "typealias", "var", "let"].contains(module) {
                guard let next = words.popFirst() else { return nil }
                module = next
            }
            return module.split(separator: ".").first.map(String.init)
        }
    }
}
