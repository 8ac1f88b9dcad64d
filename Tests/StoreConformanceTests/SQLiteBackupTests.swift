import FoundationEssentials
import GRDB
import RefreshCore
import TestSupport
import Testing

@testable import SQLiteStore

/// A copy of the store, made while it is in use.
@Suite struct SQLiteBackupTests {
    let folder: TemporaryFolder
    let alice: AccountID

    init() throws {
        self.folder = try TemporaryFolder()
        self.alice = try AccountID("box/alice")
    }

    /// A store of some megabytes: more than one step of a copy.
    private func makeStore() async throws -> SQLiteStore {
        let store = try SQLiteStore.open(in: self.folder)
        var renewal = Sample.renewal(1)
        renewal.sealedGrant = SealedBytes([UInt8](repeating: 7, count: 4_000))
        let edits = try (0..<2_000).map { Sample.put(try Sample.account($0), renewal) }
        _ = try await store.edit(edits)
        try await store.add(self.alice)
        return store
    }

    private func error(_ body: () async throws -> Void) async -> BackupError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? BackupError
        }
    }

    @Test func `a backup opens with everything that was committed, and says that attempts may be open`() async throws {
        let store = try await self.makeStore()
        try await store.bind(journal: "journal", machine: "host", isSettled: true)
        let image = try TemporaryFolder()
        try await store.backup(to: image.path(SQLiteStore.fileName))

        #expect(try image.contents().keys.sorted() == [SQLiteStore.fileName])
        let attributes = try FileManager.default.attributesOfItem(atPath: image.path(SQLiteStore.fileName))
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let copy = try SQLiteStore.open(in: image)
        #expect(copy.identity == store.identity)
        #expect(try await copy.allAccounts() == (try await store.allAccounts()))
        #expect(try await copy.grant(for: self.alice) == (try await store.grant(for: self.alice)))
        var mark = try await store.mark()
        #expect(mark.isSettled)
        mark.isSettled = false
        #expect(try await copy.mark() == mark)
        await copy.close()
        await store.close()
    }

    @Test func `commits go on during a backup, and each is in it wholly or not at all`() async throws {
        let store = try await self.makeStore()
        let first = try Sample.account(0)
        let last = try AccountID("box/zz")
        try await store.add(last)
        let image = try TemporaryFolder()
        async let copied: Void = store.backup(to: image.path(SQLiteStore.fileName))
        var commits: Int64 = 0
        for generation in Int64(1)...200 {
            // Both ends of the file in one transaction.
            let outcomes = try await store.commit([
                Sample.renewed(first, from: generation, Sample.renewal(Int(generation))),
                Sample.renewed(last, from: generation, Sample.renewal(Int(generation))),
            ])
            #expect(outcomes.count == 2)
            commits += 1
        }
        try await copied
        #expect(commits == 200)
        let copy = try SQLiteStore.open(in: image)
        let (one, other) = (try await copy.token(for: first), try await copy.token(for: last))
        #expect(one == other)
        #expect(try await copy.allAccounts().count == 2_002)
        let check = try await copy.perform { db in try String.fetchOne(db, sql: "PRAGMA integrity_check") }
        #expect(check == "ok")
        await copy.close()
        #expect(try await store.token(for: first).generation == Generation(201))
        await store.close()
    }

    @Test func `nothing is written over, and no path is guessed`() async throws {
        let store = try await self.makeStore()
        let taken = self.folder.path("taken")
        try self.folder.write(Array("mine".utf8), to: "taken")
        #expect(await self.error { try await store.backup(to: taken) } == .exists(taken))
        #expect(await self.error { try await store.backup(to: "copy") } == .notAbsolute("copy"))
        for suffix in ["", "-wal", "-journal", ".lock", ".new"] {
            let path = self.folder.path(SQLiteStore.fileName) + suffix
            #expect(await self.error { try await store.backup(to: path) } == .reserved(path))
        }
        let nowhere = self.folder.path("none/copy")
        let error = try #require(await self.error { try await store.backup(to: nowhere) })
        #expect("\(error)".contains(nowhere) && "\(error)".contains("name a path in \(self.folder.path)"))
        #expect(try self.folder.bytes("taken") == Array("mine".utf8))
        #expect(
            try self.folder.contents().keys.sorted() == [
                "store.sqlite", "store.sqlite-wal", "store.sqlite.lock", "taken",
            ]
        )
        await store.close()
    }

    @Test func `what an interrupted backup left is no hindrance, and a full disk leaves nothing`() async throws {
        let store = try await self.makeStore()
        try self.folder.write(Array("half a copy".utf8), to: "copy.incomplete")
        try self.folder.write(Array("and its log".utf8), to: "copy.incomplete-wal")
        try await store.backup(to: self.folder.path("copy"))
        let full = "/dev/full/copy"
        #expect(await self.error { try await store.backup(to: full) } != nil)
        #expect(
            try self.folder.contents().keys.sorted() == [
                "copy", "store.sqlite", "store.sqlite-wal", "store.sqlite.lock",
            ]
        )
        // The store's own connection is as good as before.
        _ = try await store.commit([Sample.renewed(self.alice, from: 1, Sample.renewal(2))])
        await store.close()
    }

    @Test func `one backup at a time`() async throws {
        let store = try await self.makeStore()
        let (one, other) = (self.folder.path("one"), self.folder.path("other"))
        async let first = self.error { try await store.backup(to: one) }
        async let second = self.error { try await store.backup(to: other) }
        let errors = await [first, second].compactMap(\.self)
        // Both may also have come one after the other; never are there two copies of which one is broken.
        #expect(errors.isEmpty || errors == [.alreadyRunning])
        for name in ["one", "other"] where self.folder.exists(name) {
            let image = try TemporaryFolder()
            try image.write(try self.folder.bytes(name), to: SQLiteStore.fileName)
            let copy = try SQLiteStore.open(in: image)
            #expect(try await copy.allAccounts().count == 2_001)
            await copy.close()
        }
        await store.close()
    }

    @Test func `a backup ends with the connection, and leaves nothing`() async throws {
        let store = try await self.makeStore()
        let path = self.folder.path("copy")
        async let copied = self.error { try await store.backup(to: path) }
        while await !store.isBackingUp { await Task.yield() }
        await store.disconnect()
        let error = try #require(await copied)
        guard case .storeUnavailable = error else {
            Issue.record("\(error)")
            return
        }
        #expect(!self.folder.exists("copy") && !self.folder.exists("copy.incomplete"))
        #expect(try await store.token(for: self.alice).generation == .first)
        await store.close()
    }
}
