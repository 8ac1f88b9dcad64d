import FoundationEssentials
import NIOCore
import NIOPosix
import Testing
import Varlink

@Suite struct VarlinkClientTests {
    /// Runs a service that answers each call by `answer`, and a client of it.
    private func with(
        _ answer: @escaping @Sendable (VarlinkCall) -> [ByteBuffer]?,
        limit: Int = 1_024,
        _ body: (VarlinkClient) async throws -> Void
    ) async throws {
        let path = "/tmp/varlink-test-\(UUID().uuidString).sock"
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(ByteToMessageHandler(FrameDecoder(maximumLength: 1_024)))
                    try pipeline.addHandler(MessageToByteHandler(FrameEncoder()))
                    try pipeline.addHandler(ScriptedService(answer: answer))
                }
            }
            .bind(unixDomainSocketPath: path)
            .get()
        do {
            try await VarlinkClient.withConnection(to: path, maximumReply: limit, body)
            try await server.close()
        } catch {
            try? await server.close()
            throw error
        }
    }

    @Test func `many calls at once each get their own answer`() async throws {
        try await self.with({ [VarlinkReply(parameters: $0.parameters).encoded()] }) { client in
            try await withThrowingTaskGroup { group in
                for number in 0..<500 as Range<Int64> {
                    group.addTask {
                        let arguments: JSONObject = ["n": .int(number)]
                        let answer = try await client.call(VarlinkCall(method: "a.b.C", arguments: arguments))
                        #expect(answer == arguments.encoded)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `all answers of a stream arrive in order, more than are ever buffered`() async throws {
        let count = 5_000
        try await self.with { call in
            guard call.more else { return nil }
            return (0..<count).map { number in
                let parameters = ByteBuffer(string: "{\"n\":\(number)}")
                return VarlinkReply(parameters: parameters, continues: number < count - 1).encoded()
            }
        } _: { client in
            var expected = 0
            for try await reply in client.replies(to: VarlinkCall(method: "a.b.C")) {
                #expect(reply == ByteBuffer(string: "{\"n\":\(expected)}"))
                expected += 1
            }
            #expect(expected == count)
        }
    }

    @Test func `an error reaches the caller, and the next call goes on`() async throws {
        try await self.with { call in
            call.method == "a.b.Bad"
                ? [VarlinkReply(error: .invalidParameter("x")).encoded()] : [VarlinkReply().encoded()]
        } _: { client in
            await #expect(throws: VarlinkClientError.refused(.invalidParameter("x"))) {
                try await client.call(VarlinkCall(method: "a.b.Bad"))
            }
            let answer = try await client.call(VarlinkCall(method: "a.b.Good"))
            #expect(answer == ByteBuffer(string: "{}"))
        }
    }

    @Test func `a service that closes fails the call, and every later one`() async throws {
        try await self.with({ _ in nil }) { client in
            for _ in 0..<2 {
                await #expect(throws: VarlinkClientError.closed) { try await client.call(VarlinkCall(method: "a.b.C")) }
            }
        }
    }

    @Test(arguments: [
        ["no json"],
        [#"{"continues":true}"#],
        ["{\"parameters\":{\"long\":\"\(String(repeating: "x", count: 2_000))\"}}"],
    ])
    func `a service that breaks the rules is left`(answers: [String]) async throws {
        try await self.with({ _ in answers.map { ByteBuffer(string: $0) } }) { client in
            await #expect {
                try await client.call(VarlinkCall(method: "a.b.C"))
            } throws: { error in
                guard case .malformed = error as? VarlinkClientError else { return false }
                return true
            }
        }
    }

    @Test func `an answer that does not come in time fails the call`() async throws {
        try await self.with({ _ in [] }) { client in
            await #expect(throws: VarlinkClientError.timedOut) {
                try await client.call(VarlinkCall(method: "a.b.C"), timeout: .milliseconds(1))
            }
        }
    }

    @Test func `a cancelled call ends at once`() async throws {
        try await self.with({ _ in [] }) { client in
            await withThrowingTaskGroup { group in
                group.addTask { _ = try await client.call(VarlinkCall(method: "a.b.C")) }
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.waitForAll() }
            }
        }
    }

    @Test func `a missing socket is told from one without a service`() async throws {
        await #expect(throws: VarlinkClientError.unreachable(.noSocket)) {
            try await VarlinkClient.withConnection(to: "/tmp/varlink-test-none/x.sock") { _ in }
        }
        // A file that is no socket answers as the socket of a daemon that was killed does.
        let path = "/tmp/varlink-test-\(UUID().uuidString).sock"
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        await #expect(throws: VarlinkClientError.unreachable(.nobodyListens)) {
            try await VarlinkClient.withConnection(to: path) { _ in }
        }
        try FileManager.default.removeItem(atPath: path)
    }
}

/// Answers each call with frames from a closure; `nil` closes the connection.
private final class ScriptedService: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: @Sendable (VarlinkCall) -> [ByteBuffer]?

    init(answer: @escaping @Sendable (VarlinkCall) -> [ByteBuffer]?) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard
            let call = try? VarlinkCall(parsing: Self.unwrapInboundIn(data)),
            let frames = self.answer(call)
        else { return context.close(promise: nil) }
        for frame in frames { context.write(Self.wrapOutboundOut(frame), promise: nil) }
        context.flush()
    }
}
