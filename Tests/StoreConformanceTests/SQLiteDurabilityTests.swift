import GRDB
import RefreshCore
import Sealing
import TestSupport
import Testing

@testable import SQLiteStore

/// What is on the disk, and when.
@Suite struct SQLiteDurabilityTests {
    let folder: TemporaryFolder
    let alice: AccountID

    init() throws {
        self.folder = try TemporaryFolder()
        self.alice = try AccountID("box/alice")
    }

    /// The files as they are at this moment, in another folder: what `kill -9` leaves behind.
    private func kill() throws -> TemporaryFolder {
        let image = try TemporaryFolder()
        for name in [SQLiteStore.fileName, SQLiteStore.fileName + "-wal"] {
            try image.write(try self.folder.bytes(name), to: name)
        }
        return image
    }

    @Test func `killed after any commit, a store has everything that was committed`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        try await store.add(self.alice, Sample.renewal(1, sinks: [try SinkID("desk")]))
        for generation in 1...20 {
            let renewal = Sample.renewal(generation + 1, sinks: [try SinkID("desk")])
            _ = try await store.commit([Sample.renewed(self.alice, from: Int64(generation), renewal)])
            let image = try self.kill()
            let copy = try SQLiteStore.open(in: image)
            #expect(try await copy.allAccounts() == (try await store.allAccounts()))
            #expect(try await copy.grant(for: self.alice) == (try await store.grant(for: self.alice)))
            await copy.close()
            if generation == 10 { try await store.checkpoint() }
        }
        await store.close()
    }

    @Test func `killed as soon as it is made, a store is a store`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        let copy = try SQLiteStore.open(in: try self.kill())
        #expect(copy.identity == store.identity)
        await copy.close()
        await store.close()
    }

    @Test func `a closed store is one file, and says that it is closed`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        try await store.add(self.alice)
        await store.close()
        await store.close()
        #expect(try self.folder.bytes(SQLiteStore.fileName + "-wal").isEmpty)
        await #expect(throws: StoreError.unavailable(detail: "the store is closed")) {
            try await store.token(for: self.alice)
        }
        // Copied without its log it has everything.
        let image = try TemporaryFolder()
        try image.write(try self.folder.bytes(SQLiteStore.fileName), to: SQLiteStore.fileName)
        let copy = try SQLiteStore.open(in: image)
        #expect(try await copy.allAccounts().count == 1)
        await copy.close()
    }

    @Test func `a connection that was given up is followed by another, and nothing is lost`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        try await store.add(self.alice)
        await store.disconnect()
        _ = try await store.commit([Sample.renewed(self.alice, from: 1, Sample.renewal(2))])
        #expect(try await store.token(for: self.alice).generation == Generation(2))
        #expect(throws: StoreOpeningError.self) { try SQLiteStore.open(in: self.folder) }
        await store.close()
    }

    @Test func `a given-up connection leaves the log as it was`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        try await store.add(self.alice)
        let before = try self.folder.contents()
        await store.disconnect()
        #expect(try self.folder.contents() == before)
        await store.close()
    }

    @Test func `another store in the file's place is not written to`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        try await store.add(self.alice)
        let other = try TemporaryFolder()
        await (try SQLiteStore.open(in: other)).close()
        await store.disconnect()
        // Over it, not beside it: the file is the same, what is in it is not.
        try self.folder.write([], to: SQLiteStore.fileName + "-wal")
        try self.folder.write(try other.bytes(SQLiteStore.fileName), to: SQLiteStore.fileName)
        await #expect(throws: StoreError.corrupt(nil, detail: "another store is in its place")) {
            try await store.edit([.pause(self.alice, true)])
        }
        #expect(try self.folder.bytes(SQLiteStore.fileName) == (try other.bytes(SQLiteStore.fileName)))
    }

    @Test func `nothing that was sealed can be read in any file`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        let sealer = AEADSealer(keys: try KeyRing(bytes: [UInt8](repeating: 1, count: 32)))
        func renewal(_ generation: Int64) throws -> Renewal {
            func sealed(_ text: String, _ column: SealingPlace.Column) throws -> SealedBytes {
                let place = SealingPlace(
                    store: store.identity.store,
                    account: self.alice,
                    column: column,
                    generation: Generation(generation)
                )
                return try sealer.seal(Array(text.utf8), at: place)
            }
            var renewal = Sample.renewal(1)
            renewal.sealedToken = try sealed("canary-at-\(generation)", .accessToken)
            renewal.sealedGrant = try sealed("canary-rt-\(generation)", .grant)
            return renewal
        }
        try await store.add(self.alice, try renewal(1))
        for generation in Int64(1)...5 {
            _ = try await store.commit([Sample.renewed(self.alice, from: generation, try renewal(generation + 1))])
        }
        let opened = try await store.token(for: self.alice)
        let place = SealingPlace(
            store: store.identity.store,
            account: self.alice,
            column: .accessToken,
            generation: opened.generation
        )
        #expect(try sealer.open(opened.sealed, at: place) == Secret("canary-at-6"))
        try self.expectNowhere("canary-")
        await store.close()
        try self.expectNowhere("canary-")
    }

    @Test func `a removed account leaves none of its bytes in a closed store`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        var renewal = Sample.renewal(1)
        renewal.sealedGrant = SealedBytes(
            Array(repeating: Array("trace of a grant ".utf8), count: 1_000).flatMap(\.self)
        )
        try await store.add(self.alice, renewal)
        try await store.checkpoint()
        #expect(try self.folder.bytes(SQLiteStore.fileName).firstRange(of: Array("trace of a grant".utf8)) != nil)
        _ = try await store.edit([.remove(self.alice)])
        await store.close()
        try self.expectNowhere("trace of a grant")
    }

    @Test func `when a removal is confirmed, its bytes are in no file any more`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        let bob = try AccountID("box/bob")
        try await store.add(bob)
        for isLong in [true, false] {
            var renewal = Sample.renewal(1)
            let trace = Array("trace of a grant ".utf8)
            // Long ones lie on pages of their own, short ones beside others.
            renewal.sealedGrant = SealedBytes(Array(repeating: trace, count: isLong ? 1_000 : 2).flatMap(\.self))
            renewal.sealedToken = renewal.sealedGrant
            try await store.add(self.alice, renewal)
            if isLong { try await store.checkpoint() }
            _ = try await store.commit([Sample.renewed(self.alice, from: 1, renewal)])
            #expect(
                try self.folder.bytes(SQLiteStore.fileName + "-wal").firstRange(of: Array("trace of a grant".utf8))
                    != nil
            )
            _ = try await store.edit([.pause(bob, true), .remove(self.alice)])
            try self.expectNowhere("trace of a grant")
        }
        await store.close()
    }

    private func expectNowhere(_ text: String) throws {
        for (name, bytes) in try self.folder.contents() {
            #expect(bytes.firstRange(of: Array(text.utf8)) == nil, "in \(name)")
        }
    }

    @Test func `a value that cannot be read is told with its account, and others go on`() async throws {
        let bob = try AccountID("box/bob")
        let store = try SQLiteStore.open(in: self.folder)
        try await store.add(self.alice)
        try await store.add(bob)
        try await store.perform { db in
            try db.execute(sql: "UPDATE account SET standing = 'upside down' WHERE name = 'box/alice'")
        }
        await #expect(throws: StoreError.corrupt(self.alice, detail: "an unknown Standing")) {
            try await store.accounts(after: nil, limit: 10)
        }
        #expect(try await store.accounts(after: self.alice, limit: 10).map(\.account) == [bob])
        await store.close()
    }

    @Test func `a failed batch leaves nothing of itself`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        try await store.add(self.alice)
        let before = try await store.allAccounts()
        try await store.perform { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER refuse BEFORE UPDATE ON account WHEN new.name = 'box/bob'
                    BEGIN SELECT raise(ABORT, 'no'); END
                    """
            )
        }
        let bob = try AccountID("box/bob")
        await #expect(throws: StoreError.self) {
            try await store.edit([.pause(self.alice, true), Sample.put(bob, Sample.renewal(1)), .pause(bob, true)])
        }
        #expect(try await store.allAccounts() == before)
        await store.close()
    }

    @Test func `the connection is set up as the traps demand`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        let expected: [(String, String)] = [
            ("locking_mode", "exclusive"), ("journal_mode", "wal"), ("synchronous", "2"), ("secure_delete", "1"),
            ("foreign_keys", "1"), ("temp_store", "2"), ("trusted_schema", "0"), ("wal_autocheckpoint", "16384"),
        ]
        for (name, value) in expected {
            let found = try await store.perform { db in try String.fetchOne(db, sql: "PRAGMA \(name)") }
            #expect(found == value, "\(name)")
        }
        await store.close()
    }
}
