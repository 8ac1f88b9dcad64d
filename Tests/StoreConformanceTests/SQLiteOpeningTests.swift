import FoundationEssentials
import GRDB
import Logging
import RefreshCore
import SQLiteStore
import Sealing
import TestSupport
import Testing

/// What is not opened, and that it stays as it is to the byte.
@Suite struct SQLiteOpeningTests {
    /// A store that must not be opened, made out of a good one.
    enum Refusal: String, CaseIterable, Sendable {
        case missingFolder, folderOthersWrite, readOnlyFolder
        case othersRead, groupReads, logOthersRead, readOnlyFile, readOnlyLog
        case empty, text, shorterThanAHeader, otherDatabase, folderInItsPlace
        case logWithoutStore
        case damagedSchema, damagedPages, noIdentity, noTable
        case newer
        case wrongKey, damagedKeyCheck

        /// Whether the log is emptied first, so that the file is what is read.
        var wantsNoLog: Bool {
            switch self {
            case .damagedSchema, .damagedPages, .shorterThanAHeader, .text, .empty, .otherDatabase: true
            default: false
            }
        }

        func spoil(_ folder: TemporaryFolder) throws {
            let name = SQLiteStore.fileName
            let good = try folder.bytes(name)
            switch self {
            case .missingFolder: break
            case .folderOthersWrite: try folder.setMode(0o770, of: "")
            case .readOnlyFolder: try folder.setMode(0o500, of: "")
            case .othersRead: try folder.setMode(0o604, of: name)
            case .groupReads: try folder.setMode(0o640, of: name)
            case .logOthersRead: try folder.setMode(0o604, of: name + "-wal")
            case .readOnlyFile: try folder.setMode(0o400, of: name)
            case .readOnlyLog: try folder.setMode(0o400, of: name + "-wal")
            case .empty: try folder.write([], to: name)
            case .text: try folder.write([UInt8](repeating: UInt8(ascii: "x"), count: 8_192), to: name)
            case .shorterThanAHeader: try folder.write(good.prefix(50), to: name)
            case .folderInItsPlace:
                try folder.remove(name)
                try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: false)
            case .otherDatabase:
                try folder.remove(name)
                try Self.change(folder, "CREATE TABLE account (name TEXT)")
                try folder.setMode(0o600, of: name)
            case .logWithoutStore: try folder.remove(name)
            case .damagedSchema:
                try folder.write(
                    good.prefix(100) + [UInt8](repeating: 0xFF, count: 200) + good.dropFirst(300),
                    to: name
                )
            case .damagedPages:
                // Everything but the schema.
                try folder.write(good.prefix(4_096) + [UInt8](repeating: 0xFF, count: good.count - 4_096), to: name)
            case .noIdentity: try Self.change(folder, "DELETE FROM meta")
            case .noTable: try Self.change(folder, "DROP TABLE outbox")
            case .newer: try Self.change(folder, "INSERT INTO grdb_migrations VALUES ('9999-later')")
            case .wrongKey: break
            case .damagedKeyCheck: try Self.change(folder, "UPDATE meta SET key_check = zeroblob(100)")
            }
        }

        func matches(_ error: any Error, _ path: String) -> Bool {
            let folder = String(path.dropLast(SQLiteStore.fileName.count + 1))
            let opening = error as? StoreOpeningError
            switch self {
            case .missingFolder: return opening == .folderMissing("\(folder)/none")
            case .folderOthersWrite: return opening == .exposed(folder)
            case .readOnlyFolder: return opening == .readOnly(folder)
            case .othersRead, .groupReads: return opening == .exposed(path)
            case .logOthersRead: return opening == .exposed(path + "-wal")
            case .readOnlyFile: return opening == .readOnly(path)
            case .readOnlyLog: return opening == .readOnly(path + "-wal")
            case .empty, .text, .shorterThanAHeader, .otherDatabase, .folderInItsPlace:
                return opening == .notAStore(path)
            case .logWithoutStore: return opening == .logWithoutStore(path)
            case .damagedSchema, .damagedPages, .noIdentity, .noTable:
                guard case .damaged(path, detail: _) = opening else { return false }
                return true
            case .newer: return opening == .newer(path, migration: "9999-later")
            case .wrongKey, .damagedKeyCheck: return error as? SealingError == .unknownKey
            }
        }

        /// Changes the store behind its back, and leaves the change in the log.
        private static func change(_ folder: TemporaryFolder, _ sql: String) throws {
            let queue = try DatabaseQueue(path: folder.path(SQLiteStore.fileName))
            try queue.write { try $0.execute(sql: sql) }
            try queue.close()
        }
    }

    /// A store as `kill -9` leaves it: something in the file, something in the log.
    private func makeKilledStore(closed: Bool) async throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore.open(in: folder)
        try await store.add(try AccountID("box/alice"))
        try await store.checkpoint()
        try await store.add(try AccountID("box/bob"))
        if closed { await store.close() }
        // Reading the file drops this process's lock on it, which nobody minds here.
        let image = try TemporaryFolder()
        for (name, bytes) in try folder.contents() where name.hasPrefix(SQLiteStore.fileName) {
            if !name.hasSuffix(".lock") { try image.write(bytes, to: name) }
        }
        await store.close()
        return image
    }

    @Test(arguments: Refusal.allCases)
    func `a store that is refused is unchanged to the byte`(refusal: Refusal) async throws {
        let folder = try await self.makeKilledStore(closed: refusal.wantsNoLog)
        if refusal.wantsNoLog { try folder.remove(SQLiteStore.fileName + "-wal") }
        try refusal.spoil(folder)
        let path = folder.path(SQLiteStore.fileName)
        func contents() throws -> [String: [UInt8]] {
            refusal == .folderInItsPlace ? [:] : try folder.contents().filter { !$0.key.hasSuffix(".lock") }
        }
        let before = try contents()

        let sealer = AEADSealer(keys: try KeyRing(bytes: [UInt8](repeating: refusal == .wrongKey ? 2 : 1, count: 32)))
        let asked = refusal == .missingFolder ? folder.path("none/\(SQLiteStore.fileName)") : path
        let error = try #require(throws: (any Error).self) {
            try SQLiteStore.open(path: asked, logger: .silent) { existing in
                let existing = try #require(existing)
                try sealer.verify(existing.keyCheck, of: existing.store)
                return existing
            }
        }
        #expect(refusal.matches(error, path), "\(error)")
        #expect(try contents() == before)
        if error is StoreOpeningError { #expect("\(error)".contains(folder.path)) }
    }

    @Test func `the same store, not spoilt, opens`() async throws {
        for closed in [true, false] {
            let folder = try await self.makeKilledStore(closed: closed)
            let store = try SQLiteStore.open(in: folder)
            #expect(try await store.allAccounts().map(\.account.name) == ["box/alice", "box/bob"])
            await store.close()
        }
    }

    @Test func `a second daemon is told the process of the first`() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore.open(in: folder)
        let expected = StoreOpeningError.heldByDaemon(
            folder.path(SQLiteStore.fileName),
            process: ProcessInfo.processInfo.processIdentifier
        )
        #expect(throws: expected) { try SQLiteStore.open(in: folder) }
        await store.close()
        await (try SQLiteStore.open(in: folder)).close()
    }

    @Test func `a store that another program has open is not opened`() async throws {
        let folder = try await self.makeKilledStore(closed: false)
        let path = folder.path(SQLiteStore.fileName)
        let other = try DatabaseQueue(path: path)
        try await other.read { db in _ = try Row.fetchOne(db, sql: "SELECT * FROM account") }
        // A process does not see its own locks, so there is no name to tell here.
        #expect(throws: StoreOpeningError.heldByProgram(path, process: nil)) { try SQLiteStore.open(in: folder) }
        try other.close()
        await (try SQLiteStore.open(in: folder)).close()
    }

    @Test func `no other program gets at a store that is open`() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore.open(in: folder)
        #expect(throws: DatabaseError.self) { try DatabaseQueue(path: folder.path(SQLiteStore.fileName)) }
        try await store.add(try AccountID("box/alice"))
        #expect(!folder.exists(SQLiteStore.fileName + "-shm"))
        await store.close()
    }

    @Test func `a new store is ours alone, and leaves no draft`() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore.open(in: folder)
        try await store.add(try AccountID("box/alice"))
        let names = try folder.contents().keys.sorted()
        #expect(names == ["store.sqlite", "store.sqlite-wal", "store.sqlite.lock"])
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.path(name))
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
        await store.close()
    }

    @Test func `a start that was interrupted while making the store begins anew`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(Array("half a store".utf8), to: SQLiteStore.fileName + ".new")
        try folder.write(Array("and its log".utf8), to: SQLiteStore.fileName + ".new-wal")
        let store = try SQLiteStore.open(in: folder)
        try await store.add(try AccountID("box/alice"))
        await store.close()
        #expect(!folder.exists(SQLiteStore.fileName + ".new"))
        #expect(!folder.exists(SQLiteStore.fileName + ".new-wal"))
    }

    @Test func `without an identity no store is made`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: SealingError.unknownKey) {
            try SQLiteStore.open(path: folder.path(SQLiteStore.fileName), logger: .silent) { _ in
                throw SealingError.unknownKey
            }
        }
        #expect(try folder.contents().keys.sorted() == ["store.sqlite.lock"])
    }

    @Test func `a store keeps its identity`() async throws {
        let folder = try TemporaryFolder()
        let first = try SQLiteStore.open(in: folder)
        await first.close()
        let second = try SQLiteStore.open(in: folder)
        #expect(first.identity == second.identity)
        await second.close()
    }
}
