import OAuth
import RefreshCore
import Testing

@testable import refreshd

@Suite struct ConfigurationSecretsTests {
    private static let path = "/etc/refreshd/secret"

    /// A client whose secret is in a file of this content and these facts.
    private static func host(_ text: String, owner: UInt32 = FakeHost.service, permissions: UInt32 = 0o400) -> FakeHost
    {
        var host = FakeHost(Broken.client("").replacing("credential = \"box-secret\"", with: "file = \"\(Self.path)\""))
        host.secrets[.file(Self.path)] = FakeHost.File(
            text: text,
            facts: FileFacts(owner: owner, permissions: permissions)
        )
        return host
    }

    @Test(arguments: ["canary-s", "canary-s\n"])
    func `one newline at the end is no part of a secret`(text: String) throws {
        #expect(try Self.host(text).load().clients.first?.client.clientSecret == Secret("canary-s"))
    }

    @Test(arguments: [
        ("", "the secret is empty; put the secret there"),
        ("\n", "the secret is empty; put the secret there"),
        ("canary-s\n\n", "the secret has control characters or more than one line; put only the secret there"),
        ("canary-s\r\n", "the secret has control characters or more than one line; put only the secret there"),
        ("canary-a\ncanary-b\n", "the secret has control characters or more than one line; put only the secret there"),
    ])
    func `what is not one secret is refused`(text: String, complaint: String) {
        #expect(Self.host(text).complaints() == ["\(FakeHost.main):4: clients.box.client_secret: \(complaint)"])
    }

    @Test(arguments: [
        (
            UInt32(0), UInt32(0o644),
            "names a file that others may use; chmod o-rwx the file, and replace the secret if it was exposed"
        ),
        (0, 0o604, "names a file that others may use; chmod o-rwx the file, and replace the secret if it was exposed"),
        (0, 0o660, "names a file that its group may write; chmod g-w the file"),
        (1_000, 0o600, "names a file that belongs to neither root nor the user of the service; chown the file to root"),
    ])
    func `a secret that others know or could replace is refused`(owner: UInt32, permissions: UInt32, complaint: String)
    {
        let host = Self.host("canary-s", owner: owner, permissions: permissions)
        #expect(host.complaints() == ["\(FakeHost.main):4: clients.box.client_secret: \(complaint)"])
    }

    @Test func `a file for root and the service's group is accepted`() throws {
        #expect(try Self.host("canary-s", owner: 0, permissions: 0o640).load().clients.count == 1)
    }

    @Test func `a store key whose credential is not passed is the one beside the store`() throws {
        var host = FakeHost("[store]\npath = \"/srv/tokens/store.sqlite\"\nkey = { credential = \"other\" }\n")
        #expect(try host.load().keySource == .besideStore(path: "/srv/tokens/store.key"))
        host.hasCredentials = false
        #expect(try host.load().keySource == .besideStore(path: "/srv/tokens/store.key"))
    }

    @Test func `without any credentials the daemon does not start, and check only warns`() {
        var host = FakeHost(Broken.client("[store]\nkey = { credential = \"store-key\" }"))
        host.hasCredentials = false

        let remedy = "start it through its unit, with LoadCredential= for this one, or use { file = \"/…\" }"
        #expect(
            host.complaints() == [
                "\(FakeHost.main):4: clients.box.client_secret: this process was started without credentials; \(remedy)"
            ]
        )
        let check = ConfigurationCheck(path: FakeHost.main, environment: host.environment)
        #expect(check.isGood)
        #expect(
            check.lines.prefix(1) == [
                "warning: \(FakeHost.main):4: clients.box.client_secret: not checked: "
                    + "credentials are there only when the service manager starts the daemon"
            ]
        )
    }

    @Test(
        arguments: BrokenConfigurationTests.texts + BrokenConfigurationTests.stores + BrokenConfigurationTests.clients
    )
    func `no complaint repeats a secret that stands where it should not`(broken: Broken) {
        for line in FakeHost(broken.text).complaints() { #expect(!line.contains("canary")) }
    }

    @Test(arguments: [
        "client_secret = canary-s", "client_secret = \"canary-s", "client_secret = 'canary-s",
        "client_secret = truecanary-s",
        "client_secret = 1canary-s", "client_secret = \"\\canary-s\"", "client_secret = \"canary-s\" canary-s",
        "client_secret = [\"canary-s\", canary-s]", "client_secret = { credential = canary-s }",
        "client_secret = \"a\"\nclient_secret = \"canary-s\"", "client_secret = 2025-13-canary-s",
        "client_secret = +canary-s",
        "client_secret = \"\"\"canary-s", "client_secret = 0xcanary-s", "client_secret \"canary-s\"",
    ])
    func `what is no TOML is not repeated either`(line: String) throws {
        let complaint = try #require(FakeHost("[clients.box]\n\(line)\n").complaints().first)
        #expect(!complaint.contains("canary"))
        #expect(!complaint.contains("\n"))
    }

    @Test func `a secret in any place of the example is not repeated`() throws {
        let example = try ExampleFiles.main()
        // Every text that is a value becomes a secret.
        var text = ""
        for line in example.split(separator: "\n", omittingEmptySubsequences: false) {
            let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
            let isHeader = line.hasPrefix("[")
            text +=
                parts.enumerated().map { $0.offset % 2 == 1 && !isHeader ? "canary-s" : String($0.element) }.joined(
                    separator: "\""
                ) + "\n"
        }

        let complaints = FakeHost(text).complaints()
        #expect(complaints.count > 20)
        #expect(complaints.filter { $0.contains("canary") } == [])
    }

    @Test func `a configuration describes itself without its secrets`() throws {
        let configuration = try FakeHost(Broken.client("[store]\nkey = { credential = \"store-key\" }")).load()

        var text = ""
        dump(configuration, to: &text)
        text += "\(configuration) \(String(reflecting: configuration))"
        #expect(!text.contains("canary"))
        #expect(!text.contains("0123456789abcdef"))
    }

    @Test func `no change to a text makes reading it fail otherwise than with complaints`() throws {
        let example = Array(try ExampleFiles.main().utf8)
        let seed = UInt64.random(in: .min ... .max)
        var generator = Steps(state: seed)
        let marks = Array("\"[]{}=.#\n'\\0,".utf8)
        for _ in 0..<300 {
            var bytes = example
            for _ in 0...generator.next(below: 4) {
                let position = generator.next(below: bytes.count)
                switch generator.next(below: 3) {
                case 0: bytes[position] = UInt8(generator.next(below: 128))
                case 1: bytes.remove(at: position)
                default: bytes.insert(marks[generator.next(below: marks.count)], at: position)
                }
            }
            let complaints = FakeHost(String(decoding: bytes, as: UTF8.self)).complaints()
            #expect(complaints.allSatisfy { !$0.contains("\n") && $0.hasPrefix("/etc/refreshd/") }, "seed \(seed)")
        }
    }

    /// SplitMix64, so that a failure can be seen again from its seed.
    private struct Steps {
        var state: UInt64

        mutating func next(below bound: Int) -> Int {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = self.state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
        }
    }
}
