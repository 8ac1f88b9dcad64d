import ControlAPI
import Testing

/// Holds what others build on against a checked-in copy, so that it changes only on purpose.
///
/// To change it: change the original, and copy it to `Surface` in the same commit.
@Suite struct PublicSurfaceTests {
    @Test func `the control interface is the one that was published`() throws {
        #expect(
            try ProjectFolder.text("Tests/ArchitectureTests/Surface/org.refreshd.Control.varlink")
                == ControlInterface.text
        )
    }

    @Test func `no method of the control interface returns a refresh token, a client secret or a key`() throws {
        let lines = ControlInterface.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
        for word in ["refresh_token", "secret", "private_key"] {
            #expect(!lines.contains { $0.contains(word) }, "the interface speaks of \(word)")
        }
    }

    /// The commands of CONTRACT: each is one file with its name, and the name is what a user types.
    @Test func `the commands of refreshctl are those that were published`() throws {
        let published = try ProjectFolder.text("Tests/ArchitectureTests/Surface/refreshctl-commands.txt")
        let commands = try ProjectFolder.swiftFiles(in: "Sources/refreshctl/Commands")
            .compactMap { $0.split(separator: "/").last?.split(separator: ".").first }
            .filter { $0.hasSuffix("Command") }
            .map { $0.dropLast("Command".count).lowercased() }
            .sorted()
        #expect(commands == published.split(separator: "\n").map(String.init))
    }

    @Test func `the names of the metrics are those that were published`() throws {
        let published = try ProjectFolder.text("Tests/ArchitectureTests/Surface/metrics.txt")
        let source = try ProjectFolder.text("Sources/RefreshEngine/Observe/OpenMetrics.swift")
        let names = source.split(separator: "\"").filter { $0.hasPrefix("refreshd_") }.map(String.init)
        #expect(names == published.split(separator: "\n").map(String.init))
    }
}
