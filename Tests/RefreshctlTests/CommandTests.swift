import ControlAPI
import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Varlink

@testable import refreshctl

/// Whole commands against a daemon that is played.
@Suite struct CommandTests {
    static let account =
        #"{"account":"a/b","client":"a","profile":"p","state":"fresh","generation":1,"scope":[],"missing_scope":[],"deliveries":[]}"#

    @Test func `show asks for the account it is told`() async throws {
        let (status, calls) = try await Self.run(["show", "a/b"]) { _ in
            [VarlinkReply(parameters: ByteBuffer(string: #"{"account":\#(Self.account)}"#))]
        }
        #expect(status == .done)
        #expect(calls.map(\.method) == ["org.refreshd.Control.Show"])
        #expect(calls.map(\.arguments) == [["account": "a/b"]])
    }

    @Test func `handoff names the sink only if it is told one`() async throws {
        for (arguments, sent) in [
            (["handoff", "a/b"], ["account": "a/b"]),
            (["handoff", "a/b", "--sink", "up"], ["account": "a/b", "sink": "up"]),
        ] as [([String], JSONObject)] {
            let (status, calls) = try await Self.run(arguments) { _ in
                [VarlinkReply(parameters: ByteBuffer(string: #"{"path":"/handoff/0","generation":1,"expires_at":9}"#))]
            }
            #expect(status == .done)
            #expect(calls.map(\.method) == ["org.refreshd.Control.IssueHandoff"])
            #expect(calls.map(\.arguments) == [sent])
        }
    }

    @Test func `token passes its limit on in seconds`() async throws {
        let (status, calls) = try await Self.run(["token", "a/b", "--min-valid", "5m"]) { _ in
            [VarlinkReply(error: ControlError.needsAuthorization(account: "a/b", cause: "revoked"))]
        }
        #expect(status == .needsAuthorization)
        #expect(calls.map(\.arguments) == [["account": "a/b", "min_valid": 300]])
    }

    @Test func `list asks for more and takes all answers`() async throws {
        let (status, calls) = try await Self.run(["list", "--client", "a", "--json"]) { _ in
            let account = ByteBuffer(string: #"{"account":\#(Self.account)}"#)
            return [VarlinkReply(parameters: account, continues: true), VarlinkReply(parameters: account)]
        }
        #expect(status == .done)
        #expect(calls.map(\.more) == [true])
        #expect(calls.map(\.arguments) == [["client": "a"]])
    }

    @Test func `remove says nothing of revoking unless it is told to`() async throws {
        for (arguments, sent) in [
            (["remove", "a/b"], ["account": "a/b"]),
            (["remove", "a/b", "--revoke"], ["account": "a/b", "revoke": true]),
        ] as [([String], JSONObject)] {
            let (status, calls) = try await Self.run(arguments) { _ in [VarlinkReply()] }
            #expect(status == .done)
            #expect(calls.map(\.arguments) == [sent])
        }
    }

    @Test func `an answer that is not the interface's fails`() async throws {
        let (status, _) = try await Self.run(["show", "a/b"]) { _ in [VarlinkReply()] }
        #expect(status == .failed)
    }

    @Test func `an import puts every good line, those of one account in their order, and fails for the others`()
        async throws
    {
        let lines = (0..<2_000).map { number in
            number == 1_234
                ? "broken"
                : #"{"account":"a/\#(number % 7)","token":{"access_token":"canary-at-\#(number)"},"issued_at":\#(number)}"#
        }
        let path = "/tmp/refreshctl-test-\(UInt64.random(in: 0 ... .max)).jsonl"
        try Self.write(lines.joined(separator: "\n"), to: path)
        defer { unsafe unlink(path) }
        let (status, calls) = try await Self.run(["import", path]) { call in
            call.arguments["issued_at"]?.int == 77
                ? [VarlinkReply(error: ControlError.clientNotFound(client: "a"))]
                : [VarlinkReply(parameters: ByteBuffer(string: #"{"account":\#(Self.account)}"#))]
        }
        #expect(status == .failed)
        #expect(calls.count == 1_999)
        for account in 0..<7 {
            let moments = calls.filter { $0.arguments["account"] == .string("a/\(account)") }
                .compactMap { $0.arguments["issued_at"]?.int }
            #expect(moments == (0..<2_000 as Range<Int64>).filter { $0 % 7 == Int64(account) && $0 != 1_234 })
        }
    }

    @Test func `an import in which every line is good is done`() async throws {
        let path = "/tmp/refreshctl-test-\(UInt64.random(in: 0 ... .max)).jsonl"
        try Self.write("\n" + #"{"account":"a/b","token":{"access_token":"canary-at-1"}}"# + "\r\n\n", to: path)
        defer { unsafe unlink(path) }
        let (status, calls) = try await Self.run(["import", path]) { _ in
            [VarlinkReply(parameters: ByteBuffer(string: #"{"account":\#(Self.account)}"#))]
        }
        #expect(status == .done)
        #expect(calls.map(\.arguments) == [["account": "a/b", "token": ["access_token": "canary-at-1"]]])
    }

    @Test(arguments: [
        ["token", "a/b", "--header", "--query"], ["token", "a/b", "--header", "--xoauth2", "a@example.com"],
        ["token", "a/b", "--query", "--env", "TOKEN", "--", "true"], ["token", "a/b", "--env", "TOKEN"],
        ["token", "a/b", "--env", "1TOKEN", "--", "true"], ["token", "a/b", "--env", "A=B", "--", "true"],
        ["token", "a/b", "--", "true"], ["token", "a/b", "--xoauth2", ""], ["token", "a/b", "--header", "--json"],
        ["token", "a/b", "--xoauth2", "a\u{1}b"],
        ["import", "x", "--from", "google"], ["import", "x", "--from", "rclone"], ["import", "x", "--from", "what"],
        ["import", "x", "--account", "a/b"], ["import", "x", "--from", "csv", "--account", "a/b"],
        ["import", "x", "--from", "rclone", "--client", "a", "--account", "a/b"],
        ["import", "x", "--from", "csv", "--section", "s"],
    ])
    func `a wrong choice of options is wrong usage, and nothing is asked of the daemon`(
        arguments: [String]
    ) async throws {
        let (status, calls) = try await Self.run(arguments) { _ in [VarlinkReply()] }
        #expect(status == .wrongUsage)
        #expect(calls.isEmpty)
    }

    @Test func `a table is imported account by account, and what is wrong with one stops no other`() async throws {
        let path = "/tmp/refreshctl-test-\(UInt64.random(in: 0 ... .max)).csv"
        let table = """
            account,access_token,refresh_token,expires_in
            alice,canary-at-1,canary-rt-1,3600
            bob,,canary-rt-2,
            carol,,,
            """
        try Self.write(table, to: path)
        defer { unsafe unlink(path) }
        let (status, calls) = try await Self.run(["import", "--from", "csv", "--client", "a", path]) { _ in
            [VarlinkReply(parameters: ByteBuffer(string: #"{"account":\#(Self.account)}"#))]
        }
        #expect(status == .failed)
        let arguments = calls.map(\.arguments).sorted { $0["account"]?.string ?? "" < $1["account"]?.string ?? "" }
        #expect(
            arguments == [
                [
                    "account": "a/alice",
                    "token": [
                        "refresh_token": "canary-rt-1", "access_token": "canary-at-1", "expires_in": "3600",
                    ],
                ],
                ["account": "a/bob", "token": ["refresh_token": "canary-rt-2"]],
            ]
        )
    }

    @Test func `a file that is none of its format, and one that cannot be read at all, changes nothing`() async throws {
        let path = "/tmp/refreshctl-test-\(UInt64.random(in: 0 ... .max)).json"
        try Self.write(#"{"installed":{"client_secret":"canary-secret"}}"#, to: path)
        defer { unsafe unlink(path) }
        for format in ["google", "rclone", "oidc-agent", "pizauth"] {
            let (status, calls) = try await Self.run(["import", "--from", format, "--account", "a/b", path]) { _ in
                [VarlinkReply()]
            }
            #expect(status == .failed)
            #expect(calls.isEmpty)
        }
    }

    @Test func `backup names an absolute path, from here if need be`() async throws {
        let here = unsafe getcwd(nil, 0)
        defer { unsafe free(here) }
        let folder = try #require(unsafe here.map { unsafe String(cString: $0) })
        for (argument, path) in [("/b/copy", "/b/copy"), ("copy", "\(folder)/copy"), ("./a b", "\(folder)/./a b")] {
            let (status, calls) = try await Self.run(["backup", argument]) { _ in [VarlinkReply()] }
            #expect(status == .done)
            #expect(calls.map(\.method) == ["org.refreshd.Control.Backup"])
            #expect(calls.map(\.arguments) == [["path": .string(path)]])
        }
    }

    @Test func `a backup that was not made, and a rekey that was not finished, fail`() async throws {
        let (made, _) = try await Self.run(["backup", "/b"]) { _ in
            [VarlinkReply(error: ControlError.backupFailed(message: "/b exists already"))]
        }
        #expect(made == .failed)
        let (moved, _) = try await Self.run(["rekey"]) { _ in
            [VarlinkReply(error: ControlError.rekeyFailed(message: "another rekey is running"))]
        }
        #expect(moved == .failed)
    }

    @Test(arguments: [0, 1])
    func `rekey waits for the last answer, and fails if something is left`(left: Int) async throws {
        let (status, calls) = try await Self.run(["rekey", "--json"]) { _ in
            [
                VarlinkReply(parameters: ByteBuffer(string: #"{"done":256,"left":0}"#), continues: true),
                VarlinkReply(parameters: ByteBuffer(string: #"{"done":300,"left":\#(left)}"#)),
            ]
        }
        #expect(status == (left == 0 ? .done : .failed))
        #expect(calls.map(\.more) == [true])
    }

    // MARK: The played daemon

    static func run(
        _ arguments: [String],
        _ answer: @escaping @Sendable (VarlinkCall) -> [VarlinkReply]
    ) async throws -> (Outcome, [VarlinkCall]) {
        let path = "/tmp/refreshctl-test-\(UInt64.random(in: 0 ... .max)).sock"
        let log = CallLog()
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(ByteToMessageHandler(FrameDecoder(maximumLength: 64 * 1_024)))
                    try pipeline.addHandler(MessageToByteHandler(FrameEncoder()))
                    try pipeline.addHandler(PlayedDaemon(log: log, answer: answer))
                }
            }
            .bind(unixDomainSocketPath: path)
            .get()
        let status = await Refreshctl.main(arguments + ["--socket", path])
        try await server.close()
        unsafe unlink(path)
        return (status, log.calls.withLock { $0 })
    }

    private static func write(_ text: String, to path: String) throws {
        let descriptor = unsafe creat(path, 0o600)
        try #require(descriptor >= 0)
        let bytes = Array(text.utf8)
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        try #require(count == bytes.count)
    }
}

private final class CallLog: Sendable {
    let calls = Mutex<[VarlinkCall]>([])
}

private final class PlayedDaemon: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let log: CallLog
    private let answer: @Sendable (VarlinkCall) -> [VarlinkReply]

    init(log: CallLog, answer: @escaping @Sendable (VarlinkCall) -> [VarlinkReply]) {
        self.log = log
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let call = try? VarlinkCall(parsing: Self.unwrapInboundIn(data)) else {
            return context.close(promise: nil)
        }
        self.log.calls.withLock { $0.append(call) }
        for reply in self.answer(call) { context.write(Self.wrapOutboundOut(reply.encoded()), promise: nil) }
        context.flush()
    }
}

extension VarlinkReply {
    init(error: ControlError) {
        self.init(error: error.name, parameters: ByteBuffer(bytes: (try? error.parameters()) ?? Array("{}".utf8)))
    }
}
