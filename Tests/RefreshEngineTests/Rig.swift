import Logging
import OAuth
@testable import RefreshEngine
import RefreshCore
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

/// An engine with everything around it in a test's hand: clock, store, endpoint, sinks and timer.
struct Rig: Sendable {
    let clock: ManualClock
    let store: FaultyStore
    let journal: InMemoryJournal
    let sealer: ClearSealer
    let log = RecordingLog()
    let wakeSource = HandWakeSource()
    let endpoint: ScriptedEndpoint
    let engine: Engine
    /// What the start is told of the store.
    var history = StoreHistory.continuous

    static let storeID = StoreID("00000000000000000000000000000000")

    /// A rig of any settings; the store of an earlier one plays a restart.
    init(
        _ settings: (ScriptedEndpoint) throws -> EngineSettings,
        endpoint: ScriptedEndpoint = .counting(),
        store: InMemoryStore = InMemoryStore(),
        journal: InMemoryJournal = InMemoryJournal(),
        clock: ManualClock = ManualClock(now: Timestamp(seconds: 1_000_000)),
        sealer: ClearSealer = ClearSealer()
    ) rethrows {
        self.clock = clock
        self.endpoint = endpoint
        self.store = FaultyStore(store)
        self.journal = journal
        self.sealer = sealer
        self.engine = Engine(
            settings: try settings(endpoint),
            store: self.store,
            storeID: Self.storeID,
            journal: journal,
            sealer: sealer,
            clock: clock,
            logger: self.log.logger,
            lanes: store
        )
        self.engine.connect(self.wakeSource)
    }

    /// One client, `box`, whose habit is as given.
    init(
        _ habit: RotationHabit = .reusable,
        limits: LaneLimits = LaneLimits(patience: .zero),
        mode: RefreshMode = .eager,
        sinks: [SinkID: SinkBinding] = [:],
        endpoint: ScriptedEndpoint = .counting(),
        store: InMemoryStore = InMemoryStore(),
        journal: InMemoryJournal = InMemoryJournal(),
        clock: ManualClock = ManualClock(now: Timestamp(seconds: 1_000_000)),
        sealer: ClearSealer = ClearSealer()
    ) throws {
        try self.init(
            { endpoint in
                EngineSettings(
                    clients: [
                        try ClientID("box"): try .client("box", endpoint, habit: habit, limits: limits, mode: mode)
                    ],
                    sinks: sinks
                )
            },
            endpoint: endpoint,
            store: store,
            journal: journal,
            clock: clock,
            sealer: sealer
        )
    }

    /// Loads the accounts and runs the services around `body`; what is under way at its end is waited for.
    func run(_ body: () async throws -> Void) async throws {
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: self.engine.deliverer), .init(service: Refresher(engine: self.engine)),
                ],
                logger: Logger(label: "services") { _ in SwiftLogNoOpLogHandler() }
            )
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await services.run() }
            try await self.engine.recallLanes()
            let loader = Loader(engine: self.engine)
            loader.begin(with: try await InDoubt(engine: self.engine, history: self.history).run())
            try await loader.run()
            try await body()
            await services.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(self.log.leaks.isEmpty, "a secret was logged")
    }

    /// Puts an account with a fresh one-hour token: `canary-at-NAME-1` and `canary-rt-NAME-1`.
    @discardableResult func put(
        _ name: String,
        expiresIn: Int? = 3_600,
        hasRefreshToken: Bool = true
    ) async throws -> AccountID {
        let account = try AccountID(name)
        let lifetime = expiresIn.map { #","expires_in":\#($0)"# } ?? ""
        let refresh = hasRefreshToken ? #","refresh_token":"canary-rt-\#(name)-1""# : ""
        let answer = #"{"access_token":"canary-at-\#(name)-1","token_type":"bearer"\#(lifetime)\#(refresh)}"#
        _ = try await self.engine.put(account, answer: Array(answer.utf8), issuedAt: nil)
        return account
    }

    /// Moves the clock to the moment the engine asked to be woken at, and wakes it.
    func turnWhenDue() {
        if let moment = self.wakeSource.moment { self.clock.advance(to: moment) }
        self.engine.turn()
    }

    func state(_ account: AccountID) -> AccountState? { self.engine.view(of: account)?.state }

    func generation(_ account: AccountID) -> Int64? { self.engine.view(of: account)?.generation.number }

    /// The generation in the table; nil when there is none.
    func served(_ account: AccountID) -> Int64? { self.engine.table.token(for: account)?.generation.number }

    func stored(_ account: AccountID) async throws -> StoredAccount? {
        try await self.store.accounts(after: nil, limit: 10_000).first { $0.account == account }
    }

    /// What is served of the account at this moment.
    func reply(_ account: AccountID) throws -> Reply {
        let token = try #require(self.engine.table.token(for: account))
        return try Reply(token)
    }

    /// Returns once nothing of the account is under way; it may wait in its lane for the clock.
    func settles(_ account: AccountID) async {
        await eventually("\(account) settles") {
            self.engine.state.withLock { $0.record(of: account)?.machine.isRefreshing == false }
        }
        // The attempt's own task does the same, but perhaps has not come to it yet.
        self.engine.pump()
    }
}

/// Returns once the condition holds.
///
/// Other tasks are given their turns until then; it fails after very many.
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

/// The test's hand in place of the timer: remembers what was asked for.
final class HandWakeSource: WakeSource {
    private let state = Mutex<Timestamp?>(nil)

    var moment: Timestamp? { self.state.withLock { $0 } }

    func arm(_ moment: Timestamp?) { self.state.withLock { $0 = moment } }
    func fired() {}
}

extension RotationHabit {
    static let reusable = RotationHabit(rotation: .none, blast: .none, grace: .zero, killsAccessToken: false)
    static let singleUse = RotationHabit(rotation: .singleUse, blast: .family, grace: .zero, killsAccessToken: false)
    static let explosive = RotationHabit(
        rotation: .singleUse,
        blast: .clientUser,
        grace: .zero,
        killsAccessToken: false
    )
    static let graceful = RotationHabit(rotation: .grace, blast: .family, grace: .seconds(30), killsAccessToken: false)
    static let unknown = RotationHabit(rotation: .unknown, blast: .clientUser, grace: .zero, killsAccessToken: false)
}

extension ClientSettings {
    static func client(
        _ name: String,
        _ endpoint: any TokenEndpoint,
        habit: RotationHabit = .reusable,
        limits: LaneLimits = LaneLimits(patience: .zero),
        mode: RefreshMode = .eager
    ) throws -> ClientSettings {
        var profile = ProviderProfile(id: "practice", name: "Practice")
        profile.habit = habit
        profile.revocationEndpoint = "https://\(name).example/revoke"
        return ClientSettings(
            client: OAuthClient(
                id: try ClientID(name),
                profile: profile,
                clientID: "\(name)-app",
                clientSecret: Secret("canary-client-secret"),
                tokenEndpoint: "https://\(name).example/token"
            ),
            endpoint: endpoint,
            window: RefreshWindow(),
            mode: mode,
            limits: limits
        )
    }
}

extension ScriptedEndpoint {
    /// Answers every refresh with the next of the tokens `…-1`, `…-2`, one hour long, the refresh token rotated.
    static func counting(expiresIn: Int? = 3_600) -> ScriptedEndpoint {
        ScriptedEndpoint { request, _ in Step(.next(after: request.refreshToken, expiresIn: expiresIn)) }
    }
}

extension ScriptedEndpoint.Reply {
    /// The answer that rotates `canary-rt-NAME-n` into `canary-rt-NAME-n+1`.
    static func next(after refreshToken: String, expiresIn: Int? = 3_600) -> Self {
        let parts = refreshToken.split(separator: "-")
        let number = (parts.last.flatMap { Int($0) } ?? 0) + 1
        let name = parts.dropFirst(2).dropLast().joined(separator: "-")
        return .token("canary-at-\(name)-\(number)", refreshToken: "canary-rt-\(name)-\(number)", expiresIn: expiresIn)
    }
}

/// A sink that plays a script, takes everything the script says nothing of, and remembers what it was given.
final class ScriptedSink: TokenSink {
    struct Step: Sendable {
        var error: SinkError?
        var gate: Gate?
    }

    struct Call: Hashable, Sendable {
        var account: AccountID
        var generation: Int64
        var hasRefreshToken: Bool
    }

    private let state = Mutex<(script: [Step], calls: [Call])>(([], []))

    var calls: [Call] { self.state.withLock { $0.calls } }
    var generations: [Int64] { self.calls.map(\.generation) }

    func play(_ error: SinkError?, gate: Gate? = nil) {
        self.state.withLock { $0.script.append(Step(error: error, gate: gate)) }
    }

    func deliver(_ message: SinkMessage) async throws(SinkError) {
        let step = self.state.withLock { state in
            state.calls.append(
                Call(
                    account: message.account,
                    generation: message.token.generation.number,
                    hasRefreshToken: message.refreshToken != nil
                )
            )
            return state.script.isEmpty ? nil : state.script.removeFirst()
        }
        await step?.gate?.pass()
        if let error = step?.error { throw error }
    }

    /// What the engine is told of it.
    func settings(clients: Set<ClientID>, required: [String] = [], sendsRefreshToken: Bool = false) -> SinkBinding {
        SinkBinding(
            sink: self,
            clients: clients,
            storageKeys: [:],
            requiredScopes: Dictionary(uniqueKeysWithValues: clients.map { ($0, required) }),
            refusesMissingScopes: !required.isEmpty,
            sendsRefreshToken: sendsRefreshToken
        )
    }
}
