import Glibc
@testable import HandoffServer
import Logging
import NIOCore
import NIOPosix
import OAuth
import RefreshCore
@testable import RefreshEngine
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

/// A hand-off server on a real socket, with an engine behind it whose clock, store and endpoint are in a test's hand.
///
/// Accounts are those of the client `box`, whose tokens are handed off to the sink `app`.
struct Rig: Sendable {
    let clock = ManualClock(now: Timestamp(seconds: 1_000_000))
    let log = RecordingLog()
    let engine: Engine
    let desk: HandoffDesk
    let folder: TemporaryFolder
    let path: String
    let address: PlainAddress
    private let services: ServiceGroup
    private let listening: AsyncStream<Void>
    private let listeningSource: AsyncStream<Void>.Continuation

    init(
        required: [String] = [],
        store: any TokenStore = InMemoryStore(),
        address: PlainAddress = PlainAddress(),
        group: UInt32? = nil
    ) throws {
        self.address = address
        self.folder = try TemporaryFolder()
        self.path = self.folder.path("h.sock")
        let box = try ClientID("box")
        self.engine = Engine(
            settings: EngineSettings(
                clients: [box: try Self.client("box")],
                sinks: [try SinkID("app"): try Self.binding(address, required: required)]
            ),
            store: store,
            storeID: StoreID("00000000000000000000000000000000"),
            journal: InMemoryJournal(),
            sealer: ClearSealer(),
            clock: self.clock,
            logger: self.log.logger
        )
        self.desk = HandoffDesk(engine: self.engine, random: CountedBytes())
        let (listening, source) = AsyncStream.makeStream(of: Void.self)
        self.listening = listening
        self.listeningSource = source
        self.services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: self.engine.deliverer), .init(service: Refresher(engine: self.engine)),
                    .init(
                        service: HandoffServer(
                            desk: self.desk,
                            socket: HandoffSocket(path: self.path, group: group),
                            group: MultiThreadedEventLoopGroup.singleton,
                            listening: { source.yield() }
                        )
                    ),
                ],
                logger: Logger(label: "services") { _ in SwiftLogNoOpLogHandler() }
            )
        )
    }

    /// A sink that is handed off to, or called.
    static func binding(
        _ address: PlainAddress,
        required: [String] = [],
        isHandedOff: Bool = true
    ) throws -> SinkBinding {
        let box = try ClientID("box")
        return SinkBinding(
            sink: address,
            clients: [box],
            storageKeys: [box: "box"],
            requiredScopes: [box: required],
            refusesMissingScopes: true,
            sendsRefreshToken: false,
            handoff: isHandedOff ? address : nil
        )
    }

    /// Serves while `body` runs, then stops as the daemon does.
    func serve(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { self.listeningSource.finish() }
                try await self.services.run()
            }
            try await Loader(engine: self.engine).run()
            var isListening = false
            for await _ in self.listening {
                isListening = true
                break
            }
            if isListening { try await body() }
            await self.services.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(self.log.leaks.isEmpty, "a secret was logged")
    }

    /// Gives an account a token, `canary-at-NAME`, for one hour.
    @discardableResult func put(_ name: String, scope: String = "") async throws -> AccountID {
        let account = try AccountID(name)
        let answer =
            #"{"access_token":"canary-at-\#(name)","expires_in":3600,"refresh_token":"canary-rt","scope":"\#(scope)"}"#
        _ = try await self.engine.put(account, answer: Array(answer.utf8), issuedAt: nil)
        return account
    }

    func delivery(_ account: AccountID) -> Delivery? { self.engine.view(of: account)?.deliveries.first?.delivery }

    /// Sends one request and reads to the end of its connection.
    func request(_ path: String, method: String = "GET", headers: [String] = []) async throws -> Reply {
        let lines = ["\(method) \(path) HTTP/1.1", "Host: site.example", "Connection: close"] + headers
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(unixDomainSocketPath: self.path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let text = try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: lines.joined(separator: "\r\n") + "\r\n\r\n"))
            var all = ""
            for try await part in inbound { all += String(buffer: part) }
            return all
        }
        return try Reply(text)
    }

    private static func client(_ name: String) throws -> ClientSettings {
        var profile = ProviderProfile(id: "practice", name: "Practice")
        profile.habit = RotationHabit(rotation: .none, blast: .none, grace: .zero, killsAccessToken: false)
        return ClientSettings(
            client: OAuthClient(
                id: try ClientID(name),
                profile: profile,
                clientID: "\(name)-app",
                clientSecret: nil,
                tokenEndpoint: "https://\(name).example/token"
            ),
            endpoint: ScriptedEndpoint { request, _ in
                .init(.token("canary-at-next", refreshToken: request.refreshToken + "+", expiresIn: 3_600))
            },
            window: RefreshWindow(),
            mode: .eager,
            limits: LaneLimits(patience: .zero)
        )
    }
}

/// What came back, without the one header that differs from second to second.
struct Reply: Hashable, Sendable {
    var status: Int
    var headers: [String: String]
    var rest: String

    init(_ text: String) throws {
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        var lines = parts[0].split(separator: "\r\n")
        self.status = try #require(lines.removeFirst().split(separator: " ").dropFirst().first.flatMap { Int($0) })
        self.headers = [:]
        for line in lines {
            let pair = line.split(separator: ":", maxSplits: 1)
            let name = pair[0].lowercased()
            if name != "date" { self.headers[name] = String(pair[1].drop { $0 == " " }) }
        }
        self.rest = parts.count > 1 ? String(parts[1]) : ""
    }
}

/// A third party whose addresses show what they were made of; called, it counts.
final class PlainAddress: HandoffAddress, TokenSink {
    private let state = Mutex(0)

    var calls: Int { self.state.withLock { $0 } }

    func address(for message: SinkMessage) -> Secret {
        Secret("https://social.example/\(message.account.client)/set?token=\(message.token.accessToken.reveal())")
    }

    func deliver(_ message: SinkMessage) { self.state.withLock { $0 += 1 } }
}

/// Bytes that differ from call to call.
private final class CountedBytes: RandomSource {
    private let state = Mutex(UInt8(0))

    func bytes(_ count: Int) -> [UInt8] {
        let number = self.state.withLock { state in
            state += 1
            return state
        }
        return Array(repeating: number, count: count)
    }
}
