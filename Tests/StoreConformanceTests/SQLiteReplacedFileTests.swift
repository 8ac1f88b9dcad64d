import FoundationEssentials
import RefreshCore
import TestSupport
import Testing

@testable import SQLiteStore

/// Somebody moves the files of a store that is open (facts B18).
@Suite struct SQLiteReplacedFileTests {
    enum Meddling: String, CaseIterable, Sendable {
        case storeRemoved, storeMoved, storeReplacedByItsCopy, logRemoved, logReplacedByItsCopy
    }

    let folder: TemporaryFolder
    let alice: AccountID

    init() throws {
        self.folder = try TemporaryFolder()
        self.alice = try AccountID("box/alice")
    }

    private func meddle(_ meddling: Meddling) throws {
        let isLog = meddling == .logRemoved || meddling == .logReplacedByItsCopy
        let name = SQLiteStore.fileName + (isLog ? "-wal" : "")
        let bytes = try self.folder.bytes(name)
        // Kept under another name, so that the number of the inode is not given to the next file.
        try FileManager.default.moveItem(atPath: self.folder.path(name), toPath: self.folder.path("kept"))
        switch meddling {
        case .storeRemoved, .logRemoved: try self.folder.remove("kept")
        case .storeMoved: break
        case .storeReplacedByItsCopy, .logReplacedByItsCopy: try self.folder.write(bytes, to: name)
        }
    }

    private func expectUnavailable(_ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("nothing was noticed")
        } catch StoreError.unavailable(let detail) {
            #expect(detail.contains("moved or replaced"))
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test(arguments: Meddling.allCases)
    func `nothing is committed into a file that lost its name, and reads go on`(meddling: Meddling) async throws {
        let store = try SQLiteStore.open(in: self.folder)
        try await store.add(self.alice)
        try self.meddle(meddling)
        let before = try self.folder.contents()

        await self.expectUnavailable {
            _ = try await store.commit([Sample.renewed(self.alice, from: 1, Sample.renewal(2))])
        }
        await self.expectUnavailable { _ = try await store.edit([.pause(self.alice, true)]) }
        await self.expectUnavailable { try await store.raise(to: Revision(9)) }
        #expect(try await store.token(for: self.alice).generation == .first)
        #expect(try self.folder.contents() == before)
        await store.close()
    }

    @Test func `put back, the file is written to again`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        try await store.add(self.alice)
        try self.meddle(.storeMoved)
        await self.expectUnavailable { _ = try await store.edit([.pause(self.alice, true)]) }
        try FileManager.default.moveItem(
            atPath: self.folder.path("kept"),
            toPath: self.folder.path(SQLiteStore.fileName)
        )
        _ = try await store.commit([Sample.renewed(self.alice, from: 1, Sample.renewal(2))])
        #expect(try await store.token(for: self.alice).generation == Generation(2))
        await store.close()
    }

    @Test func `an older copy of the same store is not opened in the place of a connection that was given up`()
        async throws
    {
        let store = try SQLiteStore.open(in: self.folder)
        try await store.add(self.alice)
        try await store.checkpoint()
        let old = try self.folder.bytes(SQLiteStore.fileName)
        _ = try await store.commit([Sample.renewed(self.alice, from: 1, Sample.renewal(2))])
        await store.disconnect()
        try FileManager.default.moveItem(
            atPath: self.folder.path(SQLiteStore.fileName),
            toPath: self.folder.path("kept")
        )
        try self.folder.write(old, to: SQLiteStore.fileName)
        await self.expectUnavailable { _ = try await store.token(for: self.alice) }
        await self.expectUnavailable { _ = try await store.edit([.pause(self.alice, true)]) }
        #expect(try self.folder.bytes(SQLiteStore.fileName) == old)
        await store.close()
    }

    @Test func `a checkpoint and a new connection are no meddling`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        try await store.add(self.alice)
        for generation in Int64(1)...3 {
            try await store.checkpoint()
            _ = try await store.commit([Sample.renewed(self.alice, from: generation, Sample.renewal(2))])
            await store.disconnect()
        }
        #expect(try await store.token(for: self.alice).generation == Generation(4))
        await store.close()
    }
}
