import ControlAPI
@testable import ControlServer
import NIOCore
import NIOEmbedded
import RefreshCore
@testable import RefreshEngine
import Synchronization
import TestSupport
import Testing
import Varlink

/// One connection alone on a loop that a test turns by hand.
@Suite struct ConnectionTests {
    private struct Line {
        let channel = EmbeddedChannel()
        /// What has been handed to tasks.
        let jobs = Jobs()

        init(_ rig: Rig, budget: CallBudget? = nil) throws {
            let peer = PeerIdentity(uid: Rig.ownUser, groups: [])
            let connection = ControlConnection(
                router: CallRouter(
                    engine: rig.engine,
                    interface: ServiceInterface(
                        vendor: "refreshd",
                        product: "refreshd",
                        version: "1",
                        url: "",
                        interfaces: [try InterfaceDescription(parsing: ControlInterface.text)]
                    ),
                    facts: DaemonFacts(version: "1", pid: 1, startedAt: .epoch) { .ready },
                    reload: {},
                    floor: RefreshFloor(.seconds(10)),
                    refusals: RefusalWatch(threshold: 100),
                    logger: rig.log.logger
                ),
                limits: ControlLimits(),
                caller: Caller(peer, access: Access(Rig.master)),
                budget: budget,
                run: { [jobs] _ in jobs.count.add(1, ordering: .relaxed) },
                leave: { _ in }
            )
            try self.channel.pipeline.syncOperations.addHandler(connection)
            try self.channel.connect(to: try SocketAddress(unixDomainSocketPath: "/x")).wait()
        }

        func write(_ text: String) throws { try self.channel.writeInbound(ByteBuffer(string: text)) }

        func answers() throws -> String {
            var text = ""
            while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
            return text
        }
    }

    private final class Jobs: Sendable {
        let count = Atomic<Int>(0)
    }

    private let call = RawPeer.text("GetToken", #"{"account":"box/a"}"#) + "\0"

    private func rig() async throws -> Rig {
        let rig = try Rig()
        rig.engine.loaded()
        try await rig.put("box/a")
        return rig
    }

    @Test func `a token is answered in the turn in which its call arrives, and no task is started`() async throws {
        let rig = try await self.rig()
        let line = try Line(rig)
        try line.write(self.call)
        // The loop has not been run since.
        #expect(
            try line.answers()
                == String(decoding: rig.engine.table.token(for: AccountID("box/a"))?.reply ?? [], as: UTF8.self)
        )
        #expect(line.jobs.count.load(ordering: .relaxed) == 0)
        #expect(rig.engine.counters.tokensServed.value == 1)
    }

    @Test func `a call that comes byte by byte, or many in one piece, get the same answers`() async throws {
        let rig = try await self.rig()
        let bytewise = try Line(rig)
        for byte in (self.call + self.call).utf8 { try bytewise.channel.writeInbound(ByteBuffer(bytes: [byte])) }
        let atOnce = try Line(rig)
        try atOnce.write(self.call + self.call)
        let answers = try bytewise.answers()
        #expect(try atOnce.answers() == answers)
        #expect(answers.utf8.count(where: { $0 == 0 }) == 2)
    }

    @Test func `puts of different accounts are under way together, a second one of an account waits`() async throws {
        let line = try Line(try await self.rig())
        func put(_ account: String) -> String {
            RawPeer.text("Put", #"{"account":"\#(account)","token":{"access_token":"canary-at"}}"#) + "\0"
        }
        try line.write(put("box/1") + put("box/2"))
        #expect(line.jobs.count.load(ordering: .relaxed) == 2)
        // What comes behind a call that waits, waits as well.
        try line.write(put("box/2") + put("box/3"))
        #expect(line.jobs.count.load(ordering: .relaxed) == 2)
    }

    @Test func `no call but another put is taken beside a put`() async throws {
        let rig = try await self.rig()
        let line = try Line(rig)
        try line.write(
            RawPeer.text("Put", #"{"account":"box/1","token":{"access_token":"canary-at"}}"#) + "\0" + self.call
        )
        #expect(line.jobs.count.load(ordering: .relaxed) == 1)
        #expect(rig.engine.counters.tokensServed.value == 0)
    }

    @Test func `half a message is waited for five seconds from its first byte`() async throws {
        let line = try Line(try await self.rig())
        try line.write(self.call + String(self.call.prefix(20)))
        line.channel.embeddedEventLoop.advanceTime(by: .seconds(3))
        try line.write(String(self.call.dropFirst(20).prefix(5)))
        line.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1_999))
        #expect(line.channel.isActive)
        line.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(!line.channel.isActive)
    }

    @Test func `a message that is completed in time is answered, and the next has its own time`() async throws {
        let line = try Line(try await self.rig())
        for _ in 0..<10 {
            try line.write(String(self.call.prefix(20)))
            line.channel.embeddedEventLoop.advanceTime(by: .milliseconds(4_900))
            try line.write(String(self.call.dropFirst(20)))
            #expect(try !line.answers().isEmpty)
        }
        #expect(line.channel.isActive)
    }

    @Test func `a connection that asks nothing is closed after ten minutes, one that asks is not`() async throws {
        let rig = try await self.rig()
        let (silent, asking) = (try Line(rig), try Line(rig))
        for _ in 0..<10 {
            try asking.write(self.call)
            silent.channel.embeddedEventLoop.advanceTime(by: .seconds(59))
            asking.channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        }
        #expect(silent.channel.isActive)
        silent.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        asking.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(!silent.channel.isActive)
        #expect(asking.channel.isActive)
    }

    @Test func `no call is taken while there is no room for its answer`() async throws {
        let rig = try await self.rig()
        let line = try Line(rig)
        line.channel.isWritable = false
        line.channel.pipeline.fireChannelWritabilityChanged()
        try line.write(self.call + self.call)
        #expect(try line.answers().isEmpty)
        #expect(rig.engine.counters.tokensServed.value == 0)
        line.channel.isWritable = true
        line.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try line.answers().utf8.count(where: { $0 == 0 }) == 2)
    }

    @Test(
        arguments: [
            "nonsense\0", "[]\0", "{}\0", #"{"method":1}"# + "\0",
            #"{"method":"org.refreshd.Control.Status","oneway":true,"more":true}"# + "\0",
            String(repeating: "[", count: 100_000) + "\0",
            String(repeating: "x", count: 256 * 1_024 + 1),
        ]
    )
    func `what cannot be read closes the connection, after the answers before it`(text: String) async throws {
        let line = try Line(try await self.rig())
        try line.write(self.call + text + self.call)
        #expect(try line.answers().utf8.count(where: { $0 == 0 }) == 1)
        #expect(!line.channel.isActive)
    }

    @Test func `a user who calls too fast is read no further before the while is over (T2)`() async throws {
        let rig = try await self.rig()
        let budget = CallBudget(limit: 5, window: .seconds(1))
        let (first, second) = (try Line(rig, budget: budget), try Line(rig, budget: budget))
        // Both loops' time stands at the same moment.
        try first.write(String(repeating: self.call, count: 8))
        try second.write(self.call)
        #expect(try first.answers().utf8.count(where: { $0 == 0 }) == 5)
        #expect(try second.answers().isEmpty, "all connections of a user share it")
        first.channel.embeddedEventLoop.advanceTime(by: .milliseconds(999))
        #expect(try first.answers().isEmpty)
        for line in [first, second] { line.channel.embeddedEventLoop.advanceTime(by: .seconds(1)) }
        #expect(try first.answers().utf8.count(where: { $0 == 0 }) == 3)
        #expect(try second.answers().utf8.count(where: { $0 == 0 }) == 1)
    }
}
