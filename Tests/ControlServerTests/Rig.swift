import ControlAPI
import ControlServer
import Foundation
import Logging
import NIOPosix
import OAuth
import RefreshCore
@testable import RefreshEngine
import ServiceLifecycle
import TestSupport
import Testing

/// A control server on a real socket, with an engine behind it whose clock, store and endpoint are in a test's hand.
///
/// Accounts are those of two clients, `box` and `gdrive`; `put` gives them tokens of one hour.
struct Rig: Sendable {
    let clock = ManualClock(now: Timestamp(seconds: 1_000_000))
    let log = RecordingLog()
    let endpoint: ScriptedEndpoint
    let engine: Engine
    let server: ControlServer
    let folder: TemporaryFolder
    let path: String
    private let services: ServiceGroup
    private let listening: AsyncStream<Void>
    private let listeningSource: AsyncStream<Void>.Continuation

    /// Who runs the tests, and so who connects.
    static let ownUser = geteuid()
    static let nobody = ReadRule(rules: [], masters: [])
    static let master = ReadRule(rules: [], masters: [Self.ownUser])

    /// What the user who runs the tests may do, and nothing else.
    static func rule(_ allow: Permissions, _ accounts: String...) -> ReadRule {
        ReadRule(
            rules: [
                AccessRule(
                    users: [self.ownUser],
                    groups: [],
                    accounts: accounts.map { AccountPattern($0) },
                    allow: allow
                )
            ],
            masters: []
        )
    }

    init(
        rule: ReadRule = Self.master,
        limits: ControlLimits = ControlLimits(),
        store: any TokenStore = InMemoryStore(),
        endpoint: (String) -> ControlEndpoint = { .path($0, group: nil) },
        tokenEndpoint: ScriptedEndpoint = ScriptedEndpoint { request, _ in
            .init(.token("canary-at-next", refreshToken: request.refreshToken + "+", expiresIn: 3_600))
        },
        reload: @escaping @Sendable () async throws -> Void = {},
        upkeep: Upkeep? = nil,
        handoff: HandoffIssue.Issue? = nil,
        enrols: Bool = false
    ) throws {
        self.endpoint = tokenEndpoint
        self.folder = try TemporaryFolder()
        self.path = self.folder.path("c.sock")
        self.engine = Engine(
            settings: EngineSettings(
                clients: [
                    try ClientID("box"): try Self.client("box", tokenEndpoint),
                    try ClientID("gdrive"): try Self.client("gdrive", tokenEndpoint),
                ],
                sinks: [:]
            ),
            store: store,
            storeID: StoreID("00000000000000000000000000000000"),
            journal: InMemoryJournal(),
            sealer: ClearSealer(),
            clock: self.clock,
            logger: self.log.logger
        )
        let (listening, source) = AsyncStream.makeStream(of: Void.self)
        self.listening = listening
        self.listeningSource = source
        self.server = try ControlServer(
            engine: self.engine,
            endpoint: endpoint(self.path),
            rule: rule,
            limits: limits,
            facts: DaemonFacts(version: "1.2.3", pid: 42, startedAt: Timestamp(seconds: 999_000)) { .ready },
            reload: reload,
            upkeep: upkeep,
            handoff: handoff,
            enrolment: enrols
                ? Enrolment(engine: self.engine, secrets: CountingSecrets(), logger: self.log.logger) : nil,
            listening: { source.yield() },
            group: MultiThreadedEventLoopGroup.singleton,
            logger: self.log.logger
        )
        self.services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: self.server)],
                logger: Logger(label: "services") { _ in SwiftLogNoOpLogHandler() }
            )
        )
    }

    /// Serves while `body` runs, then stops as the daemon does.
    ///
    /// - Throws: What the server throws, `ListenError` for one; `body` is not run then.
    func serve(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { self.listeningSource.finish() }
                try await self.services.run()
            }
            tasks.addTask { try await Refresher(engine: self.engine).run() }
            try await Loader(engine: self.engine).run()
            var isListening = false
            for await _ in self.listening {
                isListening = true
                break
            }
            if isListening { try await body() }
            await self.stop()
            self.engine.drain()
            try await tasks.waitForAll()
        }
        #expect(self.log.leaks.isEmpty, "a secret was logged")
    }

    /// Begins the end of service.
    func stop() async { await self.services.triggerGracefulShutdown() }

    /// Gives an account a token, `canary-at-NAME`, and the grant `canary-rt-NAME`.
    @discardableResult func put(_ name: String, expiresIn: Int = 3_600) async throws -> AccountID {
        let account = try AccountID(name)
        // A refresh token is ASCII (RFC 6749 appendix A.17); a name need not be.
        let suffix = name.filter { $0.isASCII && $0 != " " }
        let answer =
            #"{"access_token":"canary-at-\#(suffix)","expires_in":\#(expiresIn),"refresh_token":"canary-rt-\#(suffix)"}"#
        _ = try await self.engine.put(account, answer: Array(answer.utf8), issuedAt: nil)
        return account
    }

    func connect() throws -> RawPeer { try RawPeer(self.path) }

    private static func client(_ name: String, _ endpoint: ScriptedEndpoint) throws -> ClientSettings {
        var profile = ProviderProfile(id: "practice", name: "Practice")
        profile.authorizationEndpoint = "https://\(name).example/authorize"
        profile.habit = RotationHabit(rotation: .none, blast: .none, grace: .zero, killsAccessToken: false)
        return ClientSettings(
            client: OAuthClient(
                id: try ClientID(name),
                profile: profile,
                clientID: "\(name)-app",
                clientSecret: nil,
                tokenEndpoint: "https://\(name).example/token"
            ),
            endpoint: endpoint,
            window: RefreshWindow(),
            mode: .eager,
            limits: LaneLimits(patience: .zero)
        )
    }
}

/// Returns once the condition holds: other tasks are given their turns until then.
func eventually(
    _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async rethrows {
    for _ in 0..<2_000_000 {
        if try await condition() { return }
        await Task.yield()
    }
    Issue.record("never came: \(what)", sourceLocation: sourceLocation)
}
