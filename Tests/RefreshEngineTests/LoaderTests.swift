@testable import RefreshEngine
import Logging
import OAuth
import RefreshCore
import Synchronization
import TestSupport
import Testing

@Suite struct LoaderTests {
    private let clock = ManualClock(now: Timestamp(seconds: 1_000_000))
    private let sealer = ClearSealer()
    private let log = RecordingLog()

    private static let pageSize = 100
    private static let names = (0..<(Self.pageSize * 3 + 7)).map { "box/\(String($0 + 100_000))" }

    private func engine(_ store: PagedStore, window: RefreshWindow = RefreshWindow()) throws -> Engine {
        Engine(
            settings: try Self.settings(window),
            store: store,
            storeID: Rig.storeID,
            journal: InMemoryJournal(),
            sealer: self.sealer,
            clock: self.clock,
            logger: self.log.logger
        )
    }

    private static func settings(_ window: RefreshWindow) throws -> EngineSettings {
        var client = try ClientSettings.client("box", ScriptedEndpoint.counting())
        client.window = window
        return EngineSettings(clients: [client.client.id: client], sinks: [:])
    }

    /// A store with all the names, whose tokens live for an hour.
    private func filled(_ names: [String] = Self.names) async throws -> PagedStore {
        let store = InMemoryStore()
        let facts = TokenFacts(
            tokenType: "Bearer",
            scope: ["a", "b"],
            issuedAt: self.clock.now,
            expiresAt: self.clock.now + .seconds(3_600)
        )
        let edits = try names.map { name in
            let account = try AccountID(name)
            func sealed(_ column: SealingPlace.Column, _ bytes: [UInt8]) throws -> SealedBytes {
                let place = SealingPlace(store: Rig.storeID, account: account, column: column, generation: .first)
                return try self.sealer.seal(bytes, at: place)
            }
            let renewal = Renewal(
                facts: facts,
                sealedToken: try sealed(.accessToken, Array("canary-at-\(name)".utf8)),
                sealedGrant: try sealed(.grant, Grant(refreshToken: Secret("canary-rt-\(name)")).encoded()),
                standing: .good,
                sinks: []
            )
            return AccountEdit.put(account, profile: "box", replacing: nil, renewal, dueAt: facts.expiresAt)
        }
        _ = await store.edit(edits)
        return PagedStore(store)
    }

    private func known(_ engine: Engine) -> [String] {
        engine.state.withLock { state in state.records.compactMap { $0?.account.name } }
    }

    private func served(_ engine: Engine) throws -> [String] {
        try Self.names.filter { engine.table.token(for: try AccountID($0)) != nil }
    }

    @Test func `every account is known and served, in the order of names`() async throws {
        let store = try await self.filled()
        let engine = try self.engine(store)
        try await Loader(engine: engine, pageSize: Self.pageSize).run()
        #expect(self.known(engine) == Self.names)
        #expect(try self.served(engine) == Self.names)
        #expect(store.reads.map(\.limit) == [Int](repeating: Self.pageSize, count: 4))
    }

    /// At the ends of a page, in its middle, side by side, in the page that is read ahead, and in the last.
    @Test(arguments: [
        [0], [Self.pageSize - 1], [Self.pageSize], [Self.pageSize / 2, Self.pageSize / 2 + 1],
        [3, Self.pageSize * 2 + 1], [Self.pageSize * 3 + 6], [0, 1, 2, Self.pageSize * 3],
    ])
    func `rows that cannot be read are left out and told of, and no other is`(_ places: [Int]) async throws {
        let store = try await self.filled()
        store.unreadable = Set(places.map { Self.names[$0] })
        let engine = try self.engine(store)
        try await Loader(engine: engine, pageSize: Self.pageSize).run()
        let others = Self.names.indices.filter { !places.contains($0) }.map { Self.names[$0] }
        #expect(self.known(engine) == others)
        #expect(try self.served(engine) == others)
        #expect(self.log.entries.filter { $0.level == .error }.count == places.count)
        // Halving finds one in about twice as many reads as a page has binary digits.
        #expect(store.reads.count <= 5 + places.count * 2 * 8)
        #expect(!engine.isLoading)
    }

    @Test func `a page is opened while the next one is still being read`() async throws {
        let store = try await self.filled()
        let engine = try self.engine(store)
        let last = try AccountID(Self.names[Self.pageSize - 1])
        store.beforeRead = { number in
            guard number == 2 else { return }
            await eventually("the first page is served") { engine.table.token(for: last) != nil }
        }
        try await Loader(engine: engine, pageSize: Self.pageSize).run()
        #expect(self.known(engine).count == Self.names.count)
    }

    @Test func `a page that cannot be read while another is opened ends the start`() async throws {
        let store = try await self.filled()
        let engine = try self.engine(store)
        store.failsAtRead = 2
        await #expect(throws: StoreError.unavailable(detail: "planned by the test")) {
            try await Loader(engine: engine, pageSize: Self.pageSize).run()
        }
        #expect(engine.isLoading)
    }

    @Test func `a start that is given up reads no further`() async throws {
        let store = try await self.filled()
        let engine = try self.engine(store)
        let begun = Gate()
        let cancelled = Gate()
        store.beforeRead = { number in
            guard number == 1 else { return }
            begun.open()
            await cancelled.pass()
        }
        let loading = Task { try await Loader(engine: engine, pageSize: Self.pageSize).run() }
        await begun.pass()
        loading.cancel()
        cancelled.open()
        await #expect(throws: CancellationError.self) { try await loading.value }
        #expect(store.reads.count == 1)
        #expect(engine.isLoading)
    }

    @Test(arguments: 1...4)
    func `settings changed while pages are read hold for every account`(_ read: Int) async throws {
        let store = try await self.filled()
        let engine = try self.engine(store)
        let settings = try Self.settings(RefreshWindow(margin: .seconds(900), spread: 0))
        store.beforeRead = { if $0 == read { await engine.apply(settings) } }
        try await Loader(engine: engine, pageSize: Self.pageSize).run()
        let due = engine.state.withLock { state in Set(state.records.map { $0?.dueAt }) }
        #expect(due == [self.clock.now + .seconds(2_700)])
    }

    @Test func `a token under a lost key is told of, and its account stays known`() async throws {
        let store = try await self.filled(Array(Self.names.prefix(3)))
        self.sealer.isKeyLost = true
        let engine = try self.engine(store)
        try await Loader(engine: engine, pageSize: Self.pageSize).run()
        #expect(self.known(engine) == Array(Self.names.prefix(3)))
        #expect(try self.served(engine).isEmpty)
        #expect(self.log.entries.filter { $0.level == .error }.count == 3)
    }

    @Test func `an account without trouble keeps no room for it`() {
        // 100,000 of them should not cost more than their tokens do.
        #expect(MemoryLayout<AccountRecord?>.stride <= 216)
    }
}

/// A store in memory that tells of its reads, and cannot read some of its rows.
private final class PagedStore: TokenStore {
    private struct State {
        var unreadable: Set<String> = []
        var reads: [(after: AccountID?, limit: Int)] = []
        var failsAtRead: Int?
        var beforeRead: @Sendable (Int) async -> Void = { _ in }
    }

    private let store: InMemoryStore
    private let state = Mutex(State())

    init(_ store: InMemoryStore) { self.store = store }

    /// Names of accounts whose rows are damaged.
    var unreadable: Set<String> {
        get { self.state.withLock { $0.unreadable } }
        set { self.state.withLock { $0.unreadable = newValue } }
    }

    /// The read that fails as a whole, 1 for the first.
    var failsAtRead: Int? {
        get { self.state.withLock { $0.failsAtRead } }
        set { self.state.withLock { $0.failsAtRead = newValue } }
    }

    /// Called with the number of each read, 1 for the first, before it is done.
    var beforeRead: @Sendable (Int) async -> Void {
        get { self.state.withLock { $0.beforeRead } }
        set { self.state.withLock { $0.beforeRead = newValue } }
    }

    var reads: [(after: AccountID?, limit: Int)] { self.state.withLock { $0.reads } }

    func accounts(after: AccountID?, limit: Int) async throws(StoreError) -> [StoredAccount] {
        let number = self.state.withLock { state in
            state.reads.append((after, limit))
            return state.reads.count
        }
        await self.beforeRead(number)
        if self.failsAtRead == number { throw .unavailable(detail: "planned by the test") }
        let page = await self.store.accounts(after: after, limit: limit)
        let unreadable = self.unreadable
        if let row = page.first(where: { unreadable.contains($0.account.name) }) {
            throw .corrupt(row.account, detail: "planned by the test")
        }
        return page
    }

    func account(_ account: AccountID) async throws(StoreError) -> StoredAccount {
        try await self.store.account(account)
    }

    func token(for account: AccountID) async throws(StoreError) -> SealedToken {
        try await self.store.token(for: account)
    }

    func grant(for account: AccountID) async throws(StoreError) -> SealedGrant {
        try await self.store.grant(for: account)
    }

    func claim(_ accounts: [AccountID], for time: Duration) async throws(StoreError) -> [AccountID] {
        self.store.claim(accounts, for: time)
    }

    func commit(_ results: [AttemptResult]) async throws(StoreError) -> [CommitOutcome] {
        await self.store.commit(results)
    }

    func edit(_ edits: [AccountEdit]) async throws(StoreError) -> [CommitOutcome] { await self.store.edit(edits) }

    func acknowledge(_ deliveries: [Delivery]) async throws(StoreError) { await self.store.acknowledge(deliveries) }
}
