import FoundationEssentials
import GRDB
import RefreshCore
import RefreshEngine
import Sealing
import TestSupport
import Testing

@testable import SQLiteStore

/// From one key to another, with everything between that may happen.
@Suite struct RekeyTests {
    let folder: TemporaryFolder
    let log = RecordingLog()

    init() throws { self.folder = try TemporaryFolder() }

    // MARK: A house with keys

    private static func sealer(_ writing: UInt8, _ opening: UInt8...) throws -> AEADSealer {
        func key(_ byte: UInt8) throws -> MasterKey { try MasterKey(file: [UInt8](repeating: byte, count: 32)) }
        return AEADSealer(keys: KeyRing(writing: try key(writing), opening: try opening.map(key)))
    }

    /// As the daemon opens it.
    private func open(_ sealer: AEADSealer, in folder: TemporaryFolder? = nil) throws -> SQLiteStore {
        try SQLiteStore.open(
            path: (folder ?? self.folder).path(SQLiteStore.fileName),
            logger: .silent,
            isHere: sealer.opens
        ) { existing in
            guard let existing else {
                let store = StoreID.random()
                return StoreIdentity(store: store, keyCheck: try sealer.keyCheck(of: store))
            }
            try sealer.verify(existing.keyCheck, of: existing.store)
            guard existing.keyCheck.key != sealer.writingKey else { return existing }
            return StoreIdentity(store: existing.store, keyCheck: try sealer.keyCheck(of: existing.store))
        }
    }

    private static func secret(_ number: Int, _ column: SealingPlace.Column) -> String {
        "canary-\(column.rawValue)-\(number)"
    }

    private static func renewal(
        _ number: Int,
        _ id: AccountID,
        _ sealer: AEADSealer,
        _ store: SQLiteStore,
        generation: Generation = .first
    ) throws -> Renewal {
        func sealed(_ column: SealingPlace.Column) throws -> SealedBytes {
            let place = SealingPlace(
                store: store.identity.store,
                account: id,
                column: column,
                generation: generation
            )
            return try sealer.seal(Array(self.secret(number, column).utf8), at: place)
        }
        var renewal = Sample.renewal(number)
        renewal.sealedToken = try sealed(.accessToken)
        renewal.sealedGrant = try sealed(.grant)
        return renewal
    }

    /// Enough accounts for three batches, sealed under key 1.
    private static let count = 600

    private func fill(_ store: SQLiteStore, _ sealer: AEADSealer) async throws {
        let edits = try (0..<Self.count).map { number in
            let id = try Sample.account(number)
            return Sample.put(id, try Self.renewal(number, id, sealer, store))
        }
        _ = try await store.edit(edits)
    }

    private func rekeyer(_ store: SQLiteStore, _ sealer: AEADSealer) -> Rekeyer {
        Rekeyer(
            store: store,
            storeID: store.identity.store,
            sealer: sealer,
            writingKey: sealer.writingKey,
            logger: self.log.logger
        )
    }

    private func expectAllOpen(_ store: SQLiteStore, _ sealer: AEADSealer, except: Set<Int> = []) async throws {
        for number in 0..<Self.count where !except.contains(number) {
            let id = try Sample.account(number)
            let (token, grant) = (try await store.token(for: id), try await store.grant(for: id))
            for (sealed, column) in [(token.sealed, SealingPlace.Column.accessToken), (grant.sealed, .grant)] {
                let place = SealingPlace(
                    store: store.identity.store,
                    account: id,
                    column: column,
                    generation: grant.generation
                )
                let opened = try sealer.open(sealed, at: place) == Secret(Self.secret(number, column))
                #expect(opened, "\(id)")
            }
        }
    }

    private func accountsUnder(_ key: KeyID, _ store: SQLiteStore) async throws -> Int {
        try await store.perform { db in try SealingKeys.countAccounts(under: [key], db) }
    }

    // MARK: The way it should go

    @Test func `after a rekey the new key alone opens everything, and nothing else has changed`() async throws {
        let old = try Self.sealer(1)
        let made = try self.open(old)
        try await self.fill(made, old)
        let rows = try await made.allAccounts()
        await made.close()

        let both = try Self.sealer(2, 1)
        let store = try self.open(both)
        try await self.expectAllOpen(store, both)
        let end = try await self.rekeyer(store, both).run()
        #expect(end == Rekeyer.Progress(done: Self.count, left: 0))
        #expect(try await self.accountsUnder(old.writingKey, store) == 0)
        var after = try await store.allAccounts()
        for index in after.indices { after[index].sealedToken = rows[index].sealedToken }
        #expect(after == rows)
        #expect(try await self.rekeyer(store, both).run() == Rekeyer.Progress(done: 0, left: 0))
        await store.close()

        let new = try Self.sealer(2)
        let alone = try self.open(new)
        try await self.expectAllOpen(alone, new)
        await alone.close()
    }

    // MARK: Cut off

    @Test(arguments: [1, 2, 3])
    func `cut off after any batch, everything opens, the old key is still asked for, and the next run ends it`(
        batches: Int
    ) async throws {
        let old = try Self.sealer(1)
        let made = try self.open(old)
        try await self.fill(made, old)
        await made.close()

        let both = try Self.sealer(2, 1)
        let store = try self.open(both)
        // The files as a kill leaves them.
        let image = try TemporaryFolder()
        var told = 0
        _ = try await self.rekeyer(store, both).run { _ in
            told += 1
            guard told == batches else { return }
            for name in [SQLiteStore.fileName, SQLiteStore.fileName + "-wal"] {
                try? image.write((try? self.folder.bytes(name)) ?? [], to: name)
            }
        }
        await store.close()

        let left = Self.count - min(Self.count, batches * 256)
        if left > 0 {
            let path = image.path(SQLiteStore.fileName)
            let before = try image.contents()
            #expect(throws: StoreOpeningError.keyMissing(path, accounts: left)) {
                try self.open(try Self.sealer(2), in: image)
            }
            var now = try image.contents()
            now[SQLiteStore.fileName + ".lock"] = nil
            #expect(now == before)
        } else {
            // Nothing is left under it, though nobody has written that down yet.
            await (try self.open(try Self.sealer(2), in: image)).close()
        }
        let again = try self.open(both, in: image)
        try await self.expectAllOpen(again, both)
        #expect(try await self.rekeyer(again, both).run() == Rekeyer.Progress(done: left, left: 0))
        await again.close()
        let alone = try self.open(try Self.sealer(2), in: image)
        try await self.expectAllOpen(alone, try Self.sealer(2))
        await alone.close()
    }

    // MARK: A key that is not there

    @Test func `a new key that only sealed some is asked for as well`() async throws {
        let old = try Self.sealer(1)
        let made = try self.open(old)
        try await self.fill(made, old)
        await made.close()
        let both = try Self.sealer(2, 1)
        let store = try self.open(both)
        let id = try Sample.account(7)
        let renewal = try Self.renewal(7, id, both, store, generation: Generation(2))
        _ = try await store.commit([Sample.renewed(id, from: 1, renewal)])
        await store.close()

        let path = self.folder.path(SQLiteStore.fileName)
        #expect(throws: StoreOpeningError.keyMissing(path, accounts: 1)) { try self.open(old) }
        #expect(throws: StoreOpeningError.keyMissing(path, accounts: Self.count - 1)) {
            try self.open(try Self.sealer(2))
        }
        // With none of its keys it is simply the wrong one.
        #expect(throws: SealingError.unknownKey) { try self.open(try Self.sealer(3)) }
        // And back again.
        let back = try Self.sealer(1, 2)
        let again = try self.open(back)
        #expect(try await self.rekeyer(again, back).run() == Rekeyer.Progress(done: 1, left: 0))
        await again.close()
        let alone = try self.open(old)
        try await self.expectAllOpen(alone, old)
        await alone.close()
    }

    @Test func `what does not open is left as it is, told with its account, and keeps its key in demand`() async throws
    {
        let both = try Self.sealer(2, 1)
        let old = try Self.sealer(1)
        let made = try self.open(old)
        try await self.fill(made, old)
        await made.close()
        let store = try self.open(both)
        let damaged = try Sample.account(3)
        try await store.perform { db in
            try db.execute(
                sql: """
                    UPDATE account SET sealed_grant = CAST(substr(sealed_grant, 1, 40) || zeroblob(60) AS BLOB)
                    WHERE name = ?
                    """,
                arguments: [damaged.name]
            )
        }
        let before = try await store.grant(for: damaged)
        let end = try await self.rekeyer(store, both).run()
        #expect(end == Rekeyer.Progress(done: Self.count - 1, left: 1))
        #expect(try await store.grant(for: damaged) == before)
        try await self.expectAllOpen(store, try Self.sealer(2), except: [3])
        await store.close()
        #expect(throws: StoreOpeningError.keyMissing(self.folder.path(SQLiteStore.fileName), accounts: 1)) {
            try self.open(try Self.sealer(2))
        }
    }

    // MARK: Others at work

    @Test func `an account that changes, goes, or comes again meanwhile keeps what it got`() async throws {
        let old = try Self.sealer(1)
        let made = try self.open(old)
        try await self.fill(made, old)
        await made.close()
        let both = try Self.sealer(2, 1)
        let store = try self.open(both)
        let page = try await store.records(after: nil, limit: 3)
        let (changed, gone, again) = (page[0].account, page[1].account, page[2].account)
        let renewal = try Self.renewal(1_000, changed, both, store, generation: Generation(2))
        _ = try await store.commit([Sample.renewed(changed, from: 1, renewal)])
        _ = try await store.edit([.remove(gone), .remove(again)])
        // The same generation as before, and another grant.
        try await store.add(again, try Self.renewal(2_000, again, both, store))

        let stale = page.map { Resealing(record: $0, token: SealedBytes([1]), grant: SealedBytes([2])) }
        try await store.reseal(stale)
        #expect(try await store.grant(for: changed).sealed == renewal.sealedGrant)
        await #expect(throws: StoreError.notFound(gone)) { try await store.grant(for: gone) }
        #expect(try await store.grant(for: again).sealed != SealedBytes([2]))
        await store.close()
    }

    @Test func `one rekey at a time, and a store that fails is told`() async throws {
        let both = try Self.sealer(2, 1)
        let old = try Self.sealer(1)
        let made = try self.open(old)
        try await self.fill(made, old)
        await made.close()
        let store = try self.open(both)
        let rekeyer = self.rekeyer(store, both)
        _ = try await rekeyer.run { _ in
            await #expect(throws: RekeyError.alreadyRunning) { try await rekeyer.run() }
        }
        await store.close()
        await #expect(throws: RekeyError.storeUnavailable(detail: "the store is closed")) { try await rekeyer.run() }
    }
}
