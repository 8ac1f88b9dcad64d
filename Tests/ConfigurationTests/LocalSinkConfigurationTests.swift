import OAuth
import RefreshCore
import Sinks
import Testing

@testable import refreshd

@Suite struct LocalSinkConfigurationTests {
    private static let client = """
        [clients.box]
        profile = "box"
        client_id = "id"
        client_secret = { credential = "box-secret" }

        """

    private static func sink(_ text: String) throws -> LocalSinkConfiguration {
        let configuration = try FakeHost(Self.client + text).load()
        #expect(configuration.sinks.isEmpty)
        return try #require(configuration.localSinks.first)
    }

    @Test func `a file sink is read with its defaults, and with all it can say`() throws {
        let box = try ClientID("box")
        let plain = try Self.sink(
            """
            [sinks.files]
            type = "file"
            clients = ["box"]
            path = "/srv/{account}"
            """
        )
        #expect(plain.clients == [box])
        #expect(plain.settings == .file(FileSettings(path: try TokenPath("/srv/{account}"), format: .raw)))
        let full = try Self.sink(
            """
            [sinks.files]
            type = "file"
            clients = ["box"]
            path = "/srv/{account}.env"
            format = "env"
            variable = "BOX_TOKEN"
            mode = "0640"
            owner = 1234
            group = "www-data"
            """
        )
        let settings = FileSettings(
            path: try TokenPath("/srv/{account}.env"),
            format: .environment(variable: "BOX_TOKEN"),
            mode: 0o640,
            owner: 1_234,
            group: 33
        )
        #expect(full.settings == .file(settings))
    }

    @Test func `a command sink is read with its defaults, and with all it can say`() throws {
        let plain = try Self.sink(
            """
            [sinks.hook]
            type = "command"
            clients = ["box"]
            command = ["/bin/hook"]
            """
        )
        let settings = try CommandSettings(words: ["/bin/hook"], format: .raw, timeLimit: .seconds(30))
        #expect(plain.settings == .command(settings))
        let full = try Self.sink(
            """
            [sinks.hook]
            type = "command"
            clients = ["box"]
            command = ["/bin/hook", "a b", "-"]
            format = "json"
            timeout = "2m"
            """
        )
        let other = try CommandSettings(words: ["/bin/hook", "a b", "-"], format: .json, timeLimit: .seconds(120))
        #expect(full.settings == .command(other))
    }

    @Test func `check says where tokens go`() {
        let text =
            Self.client + """
                [sinks.files]
                type = "file"
                clients = ["box"]
                path = "/srv/t/{account}"
                [sinks.hook]
                type = "command"
                clients = ["box"]
                command = ["/bin/hook", "--secret-looking"]
                """
        let check = ConfigurationCheck(path: FakeHost.main, environment: FakeHost(text).environment)
        #expect(check.isGood)
        #expect(check.lines.contains("sink files: files in /srv/t, for box"))
        #expect(check.lines.contains("sink hook: runs /bin/hook, for box"))
        #expect(check.lines.last?.contains("2 sinks") == true)
    }
}
