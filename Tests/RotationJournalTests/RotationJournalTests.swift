import Glibc
import RefreshCore
import Synchronization
import TestSupport
import Testing

@testable import RotationJournal

@Suite struct RotationJournalTests {
    private func blocks(_ rig: Rig) -> Int {
        var status = stat()
        _ = unsafe stat(rig.path, &status)
        return Int(status.st_blocks)
    }

    /// Lengths of a body around every border of a slot, and the longest answer that is taken.
    static let bodyCounts: [Int] = {
        let layout = SlotLayout.standard
        let around = Plaintext.bytes(of: answer(1, count: 0)).count
        let one = layout.answerRoom(parts: 0) - around
        let two = layout.answerRoom(parts: 1) + layout.partRoom - around
        return [0, 1, one - 1, one, one + 1, two - 1, two, two + 1, 262_144]
    }()

    @Test(arguments: Self.bodyCounts)
    func `an answer of any length comes back whole, and its slots are free afterwards`(count: Int) async throws {
        let rig = try Rig(slots: 24, slotSize: 16_384)
        let journal = try rig.open()
        let slot = try await journal.begin(try intent(1), isDurable: false)
        try journal.markSent(slot, at: .epoch)
        try journal.keep(answer(1, count: count), in: slot)
        try await journal.sync(slot)
        let again = try rig.open()
        let seen = again.recovered()
        #expect(seen.map(Seen.init) == [Seen(try intent(1), Seen.answered(answer(1, count: count), .epoch))])
        again.free(seen.map(\.slot))
        #expect(again.state.withLock { $0.table.freeCount } == 24)
        #expect(try rig.folder.bytes("escrow").dropFirst(SlotLayout.slotsStart).allSatisfy { $0 == 0 })
    }

    @Test func `the borders of a slot are where they are said to be`() {
        let layout = SlotLayout.standard
        #expect(layout.parts(forAnswerOf: layout.answerRoom(parts: 0)) == 0)
        #expect(layout.parts(forAnswerOf: layout.answerRoom(parts: 0) + 1) == 1)
        #expect(layout.parts(forAnswerOf: 262_144 + 32_768).map { $0 < 20 } == true)
        #expect(layout.parts(forAnswerOf: Int.max / 2) == nil)
    }

    @Test func `a thousand attempts change neither the file's length nor its blocks, and make no file`() async throws {
        let rig = try Rig(slots: 8)
        let journal = try rig.open()
        let before = self.blocks(rig)
        #expect(before * 512 >= rig.layout.fileSize(slots: 8))
        let opened = rig.files.count(.open)
        for number in 1...1_000 {
            let slot = try await journal.begin(try intent(number), isDurable: false)
            try journal.markSent(slot, at: .epoch)
            try journal.keep(answer(number, count: number % 100 == 0 ? 6_000 : 100), in: slot)
            journal.note(Revision(Int64(number)))
            journal.free([slot])
        }
        #expect(self.blocks(rig) == before)
        #expect(rig.files.count(.open) == opened)
        #expect(try rig.folder.contents().keys.sorted() == ["escrow"])
        #expect(try rig.folder.bytes("escrow").count == rig.layout.fileSize(slots: 8))
    }

    @Test func `nothing in the file shows an account or a token, before and after it is freed`() async throws {
        let rig = try Rig()
        let journal = try rig.open()
        let slot = try await journal.begin(try intent(1, account: "box/alice@example.com"), isDurable: true)
        try journal.keep(answer(1, count: 9_000), in: slot)
        for _ in 0...1 {
            let bytes = try rig.folder.bytes("escrow")
            for text in ["canary-", "alice", "application/json"] {
                #expect(bytes.firstRange(of: Array(text.utf8)) == nil)
            }
            journal.free([slot])
        }
        #expect(rig.log.leaks.isEmpty)
    }

    @Test func `the mark only grows, and is there at the next start`() throws {
        let rig = try Rig()
        let journal = try rig.open()
        #expect(journal.mark == Revision(0))
        for number: Int64 in [3, 9, 4, 9] { journal.note(Revision(number)) }
        let writes = rig.files.count(.write)
        journal.note(Revision(8))
        #expect(rig.files.count(.write) == writes)
        #expect(try rig.open().mark == Revision(9))
        // One of the two copies torn: the other one is what was noted before, or later.
        for copy in 0...1 {
            var bytes = try rig.folder.bytes("escrow")
            bytes[SlotLayout.markPosition(copy: copy) + 40] ^= 1
            let read = try Recovery.read(bytes: bytes, store: Rig.store, sealer: rig.sealer, boot: "")
            #expect(read.mark.revision == Revision(9))
        }
    }

    @Test func `slots that are held back take answers but no attempts`() async throws {
        var rig = try Rig(slots: 4)
        rig.heldBack = 2
        let journal = try rig.open()
        let first = try await journal.begin(try intent(1), isDurable: false)
        #expect(journal.isHealthy)
        _ = try await journal.begin(try intent(2), isDurable: false)
        #expect(!journal.isHealthy)
        await #expect(throws: JournalError.full) { try await journal.begin(try intent(3), isDurable: false) }
        let long = 2 * rig.layout.partRoom
        try journal.keep(answer(1, count: long), in: first)
        #expect(throws: JournalError.full) {
            try journal.keep(answer(1, count: 2 * long), in: first)
        }
        #expect(journal.openSlots == 2)
        // The one that had room is still there.
        #expect(try rig.open().recovered().map(Seen.init).contains { $0.progress != .notSent })
    }

    @Test func `an answer that replaces another gives the other's slots back`() async throws {
        let rig = try Rig(slots: 8)
        let journal = try rig.open()
        let slot = try await journal.begin(try intent(1), isDurable: false)
        try journal.keep(answer(1, count: 10_000), in: slot)
        try journal.keep(answer(2), in: slot)
        #expect(journal.state.withLock { $0.table.freeCount } == 7)
        let start = try intent(1).startedAt
        #expect(try rig.open().recovered().map(Seen.init) == [Seen(try intent(1), Seen.answered(answer(2), start))])
    }

    @Test func `a forgotten account leaves nothing, and its attempt cannot be sent any more`() async throws {
        let rig = try Rig(slots: 6)
        let journal = try rig.open()
        let account = try intent(1).account
        let open = try await journal.begin(try intent(1), isDurable: false)
        let aside = try await journal.begin(try intent(2, account: account.name), isDurable: false)
        try journal.keep(answer(2, count: 6_000), in: aside)
        journal.setAside(aside)
        #expect(journal.setAsideAttempts.map(\.account) == [account])
        #expect(journal.setAsideCount == 1)

        let syncs = rig.files.count(.syncData)
        try await journal.forget(account)
        #expect(rig.files.count(.syncData) > syncs)
        #expect(journal.setAsideCount == 0)
        #expect(try rig.folder.bytes("escrow").dropFirst(SlotLayout.slotsStart).allSatisfy { $0 == 0 })
        #expect(throws: JournalError.self) { try journal.markSent(open, at: .epoch) }
        #expect(throws: JournalError.self) { try journal.keep(answer(1), in: open) }
        // The slot is its attempt's until that frees it.
        for number in 11...15 { #expect(try await journal.begin(try intent(number), isDurable: false) != open) }
        journal.free([open])
        #expect(try await journal.begin(try intent(16), isDurable: false) == open)
    }

    @Test func `callers that come while a sync runs share the next one`() async throws {
        let rig = try Rig(slots: 40)
        let journal = try rig.open()
        let slot = try await journal.begin(try intent(1), isDurable: false)
        let before = rig.files.count(.syncData)
        let door = Door()
        rig.files.fail { event in
            if event.call == .syncData { door.pass() }
            return nil
        }
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await journal.sync(slot) }
            while rig.files.count(.syncData) == before { await Task.yield() }
            for _ in 0..<20 { group.addTask { try await journal.sync(slot) } }
            while journal.state.withLock({ $0.waiting.count }) < 20 { await Task.yield() }
            door.open()
        }
        #expect(rig.files.count(.syncData) == before + 2)
    }
}
