import Glibc
import LoopbackServer
import NIOPosix
import RefreshCore
import Sinks
import Synchronization
import TestSupport
import Testing

/// Files and commands, for real.
@Suite struct LocalSinkTests {
    /// Delivers to a sink of its own, with a clock that the test turns.
    private static func deliver(
        _ message: SinkMessage,
        to settings: SinkSettings,
        clock: ManualClock = ManualClock()
    ) async throws -> SinkError? {
        let catalogue = SinkCatalogue(group: MultiThreadedEventLoopGroup.singleton, clock: clock)
        let sink = try catalogue.sink(for: settings)
        defer { Task { await catalogue.shutdown() } }
        do throws(SinkError) {
            try await sink.deliver(message)
            return nil
        } catch {
            return error
        }
    }

    private static func text(of path: String) -> String? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256 * 1_024)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }

    /// Keeps the folder until all is done in it.
    private static func holding(_ folder: TemporaryFolder, _ body: () async throws -> Void) async rethrows {
        try await body()
        withExtendedLifetime(folder) {}
    }

    // MARK: Files

    @Test func `a file holds the newest token, for its owner alone, and nothing is left beside it`() async throws {
        let made = try TemporaryFolder()
        let folder = made.path
        try await Self.holding(made) {
            let settings = SinkSettings.file(
                FileSettings(path: try TokenPath("\(folder)/{account}.token"), format: .raw)
            )
            for token in ["canary-at-1", "canary-at-2-longer", "canary-3"] {
                let message = try Delivery.message(accessToken: Secret(token), account: "gdrive/../alice")
                #expect(try await Self.deliver(message, to: settings) == nil)
                #expect(Self.text(of: "\(folder)/gdrive%2F..%2Falice.token") == token)
            }
            #expect(try made.contents().keys.sorted() == ["gdrive%2F..%2Falice.token"])
            var status = stat()
            #expect(unsafe stat("\(folder)/gdrive%2F..%2Falice.token", &status) == 0)
            #expect(status.st_mode & 0o7777 == 0o600)
        }
    }

    @Test func `a link in the place of the file, or of what becomes it, is replaced and not followed`() async throws {
        let made = try TemporaryFolder()
        let folder = made.path
        try await Self.holding(made) {
            let message = try Delivery.message(account: "gdrive/a")
            let temporary = ".refreshd-\(String(message.account.fingerprint, radix: 16)).new"
            for name in ["gdrive%2Fa", temporary] {
                #expect(unsafe symlink("\(folder)/elsewhere", "\(folder)/\(name)") == 0)
            }
            let settings = SinkSettings.file(
                FileSettings(path: try TokenPath("\(folder)/{account}"), format: .raw, mode: 0o640)
            )
            #expect(try await Self.deliver(message, to: settings) == nil)
            #expect(Self.text(of: "\(folder)/elsewhere") == nil)
            var status = stat()
            #expect(unsafe lstat("\(folder)/gdrive%2Fa", &status) == 0)
            #expect(status.st_mode == S_IFREG | 0o640)
            #expect(try made.contents().keys.sorted() == ["gdrive%2Fa"])
        }
    }

    @Test func `a folder that is not there is tried again, and the message names no path`() async throws {
        let made = try TemporaryFolder()
        let folder = made.path
        try await Self.holding(made) {
            let settings = SinkSettings.file(
                FileSettings(path: try TokenPath("\(folder)/none/{account}"), format: .raw)
            )
            let error = try await Self.deliver(try Delivery.message(), to: settings)
            guard case .unavailable(.sinkRefused, let message, retryAfter: nil)? = error else {
                Issue.record("another error")
                return
            }
            #expect(!message.contains("/") && !message.contains("canary"))
        }
    }

    // MARK: Commands

    private static func shell(_ script: String, format: TokenFormat = .raw) throws -> SinkSettings {
        .command(try CommandSettings(words: ["/bin/sh", "-c", script], format: format, timeLimit: .seconds(30)))
    }

    @Test func `a command reads the token, and finds it in no argument, variable or descriptor`() async throws {
        let made = try TemporaryFolder()
        let folder = made.path
        try await Self.holding(made) {
            let script = """
                { tr '\\0' '\\n' < /proc/$$/cmdline; env; ls /proc/$$/fd | wc -l; } > \(folder)/seen
                cat > \(folder)/token
                """
            let message = try Delivery.message(accessToken: Secret("canary-at-1"))
            #expect(try await Self.deliver(message, to: Self.shell(script)) == nil)
            #expect(Self.text(of: "\(folder)/token") == "canary-at-1")
            let seen = try #require(Self.text(of: "\(folder)/seen"))
            #expect(!seen.contains("canary-at-1"))
            #expect(seen.contains("REFRESHD_ACCOUNT=gdrive/alice@example.com\n"))
            #expect(seen.contains("REFRESHD_GENERATION=1\n"))
            let variables = Set(
                seen.split(separator: "\n").compactMap { $0.split(separator: "=").first }.map(String.init)
            )
            #expect(!variables.contains("HOME") && !variables.contains("USER"))
        }
    }

    @Test func `a token longer than a pipe holds by itself arrives whole`() async throws {
        let made = try TemporaryFolder()
        let folder = made.path
        try await Self.holding(made) {
            let token = "canary-" + String(repeating: "x", count: 64 * 1_024 - 7)
            let message = try Delivery.message(accessToken: Secret(token))
            let settings = try Self.shell("cat > \(folder)/token", format: .json)
            #expect(try await Self.deliver(message, to: settings) == nil)
            #expect(Self.text(of: "\(folder)/token")?.contains(token) == true)
        }
    }

    @Test(arguments: [("exit 3", "exit code 3"), ("kill -9 $$", "signal 9")])
    func `a command that fails is tried again`(script: String, words: String) async throws {
        let error = try await Self.deliver(try Delivery.message(), to: Self.shell(script))
        guard case .unavailable(.sinkRefused, let message, retryAfter: nil)? = error else {
            Issue.record("another error")
            return
        }
        #expect(message.contains(words))
    }

    @Test func `a command that never reads does no harm, and one that is not there is told`() async throws {
        #expect(try await Self.deliver(try Delivery.message(), to: Self.shell("exit 0")) == nil)
        let missing = SinkSettings.command(
            try CommandSettings(words: ["/nowhere/at/all"], format: .raw, timeLimit: .seconds(1))
        )
        let error = try await Self.deliver(try Delivery.message(), to: missing)
        guard case .unavailable(.sinkRefused, let message, _)? = error else {
            Issue.record("another error")
            return
        }
        #expect(message.hasPrefix("the command cannot be run"))
    }

    @Test(.timeLimit(.minutes(1)))
    func `a command that does not end in time is ended, with all that it has started`() async throws {
        let clock = ManualClock()
        let message = try Delivery.message()
        let settings = try Self.shell("sleep 600 & sleep 600")
        async let error = Self.deliver(message, to: settings, clock: clock)
        _ = await clock.sleeperArrived()
        clock.advance(by: .seconds(31))
        guard case .unavailable(.timeout, _, _)? = try await error else {
            Issue.record("it was not told as too slow")
            return
        }
    }

    @Test(arguments: [[], ["true"], ["/bin/true", "a\u{0}b"]])
    func `a command without an absolute path is refused`(words: [String]) {
        #expect(throws: SinkSettingsError.command) {
            try CommandSettings(words: words, format: .raw, timeLimit: .seconds(1))
        }
    }
}
