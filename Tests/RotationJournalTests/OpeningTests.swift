import RefreshCore
import TestSupport
import Testing

@testable import RotationJournal

@Suite struct OpeningTests {
    private func error(_ rig: Rig, store: StoreID = Rig.store, sealer: (any Sealer)? = nil) -> JournalOpeningError? {
        #expect(throws: JournalOpeningError.self) { try rig.open(store: store, sealer: sealer) }
    }

    @Test func `a new journal is whole, ours alone, and keeps its name`() throws {
        let rig = try Rig()
        #expect(try !RotationJournal.exists(path: rig.path, fallback: rig.second.path))
        let journal = try rig.open()
        #expect(journal.id == "journal-1")
        #expect(journal.recovered().isEmpty)
        #expect(journal.isHealthy)
        #expect(try RotationJournal.exists(path: rig.path, fallback: nil))
        #expect(try rig.folder.bytes("escrow").count == rig.layout.fileSize(slots: rig.slots))
        // Synced before it got its name, and its name after that.
        let events = rig.files.events.map(\.call)
        let rename = try #require(events.firstIndex(of: .rename))
        #expect(events[..<rename].contains(.syncAll))
        #expect(events[rename...].contains(.syncAll))
    }

    @Test func `what is not this store's journal is refused, and left as it is`() throws {
        let rig = try Rig()
        _ = try rig.open()
        let whole = try rig.folder.bytes("escrow")
        #expect(self.error(rig, store: StoreID("another")) == .foreign(rig.path))
        #expect(self.error(rig, sealer: try Rig.sealer(2)) == .key(rig.path, attempts: 0))
        #expect(try rig.folder.bytes("escrow") == whole)

        for (count, expected) in [
            (0, JournalOpeningError.tooShort(rig.path)), (11, .tooShort(rig.path)), (4_096, .tooShort(rig.path)),
            (whole.count - 1, .tooShort(rig.path)),
        ] {
            try rig.folder.write(whole.prefix(count), to: "escrow")
            #expect(self.error(rig) == expected)
        }
        var newer = whole
        newer[11] = 2
        try rig.folder.write(newer, to: "escrow")
        #expect(self.error(rig) == .newer(rig.path, version: 2))

        var other = whole
        other[0] ^= 1
        try rig.folder.write(other, to: "escrow")
        #expect(self.error(rig) == .notAJournal(rig.path))

        var damaged = whole
        damaged[30] ^= 1
        try rig.folder.write(damaged, to: "escrow")
        #expect(self.error(rig) == .damaged(rig.path))
        #expect(try rig.folder.bytes("escrow") == damaged)
    }

    @Test func `a file or folder that others can reach is refused`() throws {
        let rig = try Rig()
        _ = try rig.open()
        try rig.folder.setMode(0o640, of: "escrow")
        #expect(self.error(rig) == .exposed(rig.path))
        try rig.folder.setMode(0o600, of: "escrow")
        try rig.folder.setMode(0o777, of: "")
        #expect(self.error(rig).map { "\($0)".contains("chmod") } == true)
    }

    @Test func `a folder that is missing is named`() throws {
        let rig = try Rig()
        #expect(
            #expect(throws: JournalOpeningError.self) {
                try RotationJournal.open(
                    path: rig.folder.path("nowhere/escrow"),
                    store: Rig.store,
                    sealer: rig.sealer,
                    boot: "",
                    newID: "journal-1",
                    clock: rig.clock,
                    logger: rig.log.logger
                )
            } == .folderMissing(rig.folder.path("nowhere"))
        )
    }

    @Test func `attempts under a key that is not here stop the start`() async throws {
        let old = try Rig.sealer(1)
        let rig = try Rig(sealer: old)
        _ = try await rig.open().begin(try intent(1), isDurable: false)
        // The marks opened, as they do once the new key has written them.
        let half = HalfSealer(marks: old, records: try Rig.sealer(2))
        #expect(self.error(rig, sealer: half) == .key(rig.path, attempts: 1))
    }

    @Test func `a new number of slots carries over what is open`() async throws {
        var rig = try Rig(slots: 4)
        let journal = try rig.open()
        let slot = try await journal.begin(try intent(1), isDurable: false)
        try journal.markSent(slot, at: .epoch)
        try journal.keep(answer(1, count: 5_000), in: slot)
        _ = try await journal.begin(try intent(2), isDurable: false)
        journal.note(Revision(7))
        let expected = [
            Seen(try intent(1), Seen.answered(answer(1, count: 5_000), .epoch)), Seen(try intent(2), .notSent),
        ]
        for slots in [16, 1, 3] {
            rig.slots = slots
            let again = try rig.open()
            #expect(again.recovered().map(Seen.init) == expected)
            #expect(again.mark == Revision(7))
            #expect(again.id == "journal-1")
        }
        rig.slots = 16
        _ = try rig.open()
        #expect(try rig.folder.bytes("escrow").count == rig.layout.fileSize(slots: 16))
    }

    @Test func `two files are read as one, and the older proves nothing`() async throws {
        let rig = try Rig()
        let journal = try rig.open()
        let first = try await journal.begin(try intent(1), isDurable: false)
        _ = try await journal.begin(try intent(2), isDurable: false)
        let older = try rig.folder.bytes("escrow")
        // The first place fails for good: the journal goes on in the second one.
        rig.files.fail { [path = rig.folder.path] event in event.path.hasPrefix(path) ? 5 : nil }
        try await journal.sync(first)
        #expect(journal.currentPath?.hasPrefix(rig.second.path) == true)
        try journal.markSent(first, at: .epoch)
        try journal.keep(answer(1), in: first)
        #expect(rig.folder.exists("escrow"))
        rig.files.heal()
        #expect(try rig.folder.bytes("escrow").count == older.count)

        let again = try rig.open()
        #expect(again.currentPath == rig.path)
        #expect(!rig.second.exists("escrow"))
        #expect(
            again.recovered().map(Seen.init) == [
                Seen(try intent(1), Seen.answered(answer(1), .epoch)), Seen(try intent(2), .notSent),
            ]
        )
        // An older file that comes back beside it: what only that one has may have been sent since.
        again.free([JournalSlot(index: 0), JournalSlot(index: 1)])
        let newest = try rig.folder.bytes("escrow")
        try rig.second.write(older, to: "escrow")
        #expect(try rig.folder.bytes("escrow") == newest)
        #expect(
            try rig.open().recovered().map(Seen.init) == [
                Seen(try intent(1), .sent(try intent(1).startedAt)),
                Seen(try intent(2), .sent(try intent(2).startedAt)),
            ]
        )
    }

    @Test func `two journals of one store are told apart`() throws {
        let rig = try Rig()
        _ = try rig.open()
        var header = try JournalHeader(try rig.folder.bytes("escrow"))
        header.id = "journal-2"
        let sealer = RecordSealer(store: Rig.store, journal: "journal-2", sealer: rig.sealer)
        let mark = try JournalMark(start: 1, revision: Revision(1), writes: 1).sealed(by: sealer)
        var bytes = [UInt8](repeating: 0, count: header.fileSize)
        bytes.replaceSubrange(0..<header.bytes.count, with: header.bytes)
        bytes.replaceSubrange(mark.position..<(mark.position + mark.bytes.count), with: mark.bytes)
        try rig.second.write(bytes, to: "escrow")
        #expect(self.error(rig).map { "\($0)".contains("two different journals") } == true)
    }

    @Test func `what a torn write left is wiped at the next start`() async throws {
        let rig = try Rig(slots: 2)
        let journal = try rig.open()
        let slot = try await journal.begin(try intent(1), isDurable: false)
        try journal.keep(answer(1), in: slot)
        var bytes = try rig.folder.bytes("escrow")
        let start = rig.layout.position(ofSlot: slot.index)
        bytes[start + 100] ^= 1
        try rig.folder.write(bytes, to: "escrow")
        #expect(try rig.open().recovered().isEmpty)
        #expect(try rig.folder.bytes("escrow").dropFirst(SlotLayout.slotsStart).allSatisfy { $0 == 0 })
    }
}

/// Opens marks with one key and everything else with another, as if a key had been withdrawn.
private struct HalfSealer: Sealer {
    var marks: any Sealer
    var records: any Sealer

    private func sealer(_ place: SealingPlace) -> any Sealer {
        place.account.contains("/\(RecordKind.mark.rawValue)/") ? self.marks : self.records
    }

    func seal(_ plaintext: [UInt8], at place: SealingPlace) throws(SealingError) -> SealedBytes {
        try self.sealer(place).seal(plaintext, at: place)
    }

    func open(_ sealed: SealedBytes, at place: SealingPlace) throws(SealingError) -> Secret {
        try self.sealer(place).open(sealed, at: place)
    }

    func fingerprint(of secret: Secret) -> [UInt8] { self.records.fingerprint(of: secret) }
}
