import FoundationEssentials
import GRDB
import RefreshCore
import Sealing
import TestSupport
import Testing

@testable import SQLiteStore

/// A store of the first version, and what becomes of it.
@Suite struct SQLiteMigrationTests {
    private static let name = SQLiteStore.fileName
    private static let statements =
        Migration0002Attempts.statements + Migration0003Keys.statements
        + Migration0004Handoff.statements

    /// As the first version has left it: two accounts, one of them failed, and a delivery.
    private func makeFirstStore() throws -> (folder: TemporaryFolder, queue: DatabaseQueue) {
        let folder = try TemporaryFolder()
        try folder.write([], to: Self.name)
        let sealer = AEADSealer(keys: try KeyRing(bytes: [UInt8](repeating: 1, count: 32)))
        let store = StoreID.random()
        let keyCheck = Data(try sealer.keyCheck(of: store).bytes)
        let queue = try DatabaseQueue(path: folder.path(Self.name))
        try queue.writeWithoutTransaction { db in _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL") }
        try Migrations.all.migrate(queue, upTo: "0001-initial")
        try queue.write { db in
            try db.execute(sql: "PRAGMA application_id = \(StoreFile.applicationID)")
            try db.execute(sql: "INSERT INTO meta VALUES (1, ?, ?, 7)", arguments: [store.text, keyCheck])
            for (number, name) in ["box/alice", "box/bob"].enumerated() {
                try db.execute(
                    sql: """
                        INSERT INTO account VALUES
                            (?, 'box', 'good', 1, 3, ?, 'Bearer', 'read', 1000, 2000, NULL, 1500,
                            'network', 'no route', 1200, NULL, 4, ?, ?)
                        """,
                    arguments: [name, 6 + number, Data("sealed token".utf8), Data("sealed grant".utf8)]
                )
            }
            try db.execute(
                sql:
                    "INSERT INTO outbox VALUES ('box/bob', 'desk', 'pending', 3, 2, 1000, NULL, NULL, NULL, NULL, NULL)"
            )
        }
        try Connection.checkpoint(queue)
        return (folder, queue)
    }

    private func expectMigrated(_ folder: TemporaryFolder, _ comment: Comment? = nil) async throws {
        let store = try SQLiteStore.open(in: folder)
        let rows = try await store.allAccounts()
        let failure = Failure(
            cause: .network,
            message: "no route",
            at: Timestamp(milliseconds: 1_200),
            retryAt: nil,
            count: 4
        )
        #expect(rows.map(\.account.name) == ["box/alice", "box/bob"], comment)
        for row in rows {
            #expect(row.isPaused && row.generation == Generation(3) && row.failure == failure, comment)
            #expect(row.dueAt == Timestamp(milliseconds: 1_500), comment)
            #expect(row.sealedToken == SealedBytes(Array("sealed token".utf8)), comment)
            #expect(row.doubt == nil, comment)
        }
        #expect(rows.last?.deliveries.map(\.sink.name) == ["desk"], comment)
        let mark = try await store.mark()
        #expect(mark == StoreMark(revision: Revision(7), journal: nil, isSettled: true, machine: nil), comment)

        let keys = try await store.perform(SealingKeys.read)
        #expect(keys == [store.identity.keyCheck.key], comment)

        // And it works from here on.
        let alice = try AccountID("box/alice")
        let doubtful = Sample.failed(alice, from: 3, Sample.failure(1), .inDoubt, doubt: Sample.doubt(1))
        #expect(try await store.commit([doubtful]) == [.committed(Generation(3), Revision(8))], comment)
        #expect(try await store.shown(alice)?.doubt == Sample.doubt(1), comment)
        await store.close()
    }

    @Test func `a store of the first version opens with everything in it`() async throws {
        let (folder, queue) = try self.makeFirstStore()
        try queue.close()
        try await self.expectMigrated(folder)
    }

    @Test(arguments: 0...(Self.statements.count))
    func `killed after any statement of the migration, a store opens all the same`(count: Int) async throws {
        let image = try self.imageWithin(count)
        try await self.expectMigrated(image, "after \(count) statements")
    }

    /// The files as they are before the commit: what a kill leaves behind.
    private func imageWithin(_ count: Int) throws -> TemporaryFolder {
        let (folder, queue) = try self.makeFirstStore()
        let image = try TemporaryFolder()
        try queue.write { db in
            for statement in Self.statements.prefix(count) { try db.execute(sql: statement) }
            for name in [Self.name, Self.name + "-wal"] where folder.exists(name) {
                try image.write(try folder.bytes(name), to: name)
            }
        }
        try queue.close()
        return image
    }
}
