package import RefreshCore

/// The first block of the file: written once, when the file is made.
///
/// ```
/// | "rfshjrnl" 8 | version 4 | slot size 4 | slots 4 | file number 8 | journal's name 4+… | store's name 4+… | checksum 8 |
/// ```
package struct JournalHeader: Hashable, Sendable {
    /// The journal's own name: stays when the journal moves to another file.
    package var id: String
    package var store: StoreID
    /// Counts the files that the journal has had, from 1: of two, the higher is the newer.
    package var fileNumber: Int64
    package var slots: Int
    var layout: SlotLayout

    static let mostSlots = 65_536

    private static let magic = Array("rfshjrnl".utf8)

    var bytes: [UInt8] {
        var writer = FieldWriter()
        writer.put(Self.magic)
        writer.put(SlotLayout.version)
        writer.put(UInt32(self.layout.slotSize))
        writer.put(UInt32(self.slots))
        writer.put(self.fileNumber)
        writer.put(counted: self.id.utf8)
        writer.put(counted: self.store.text.utf8)
        writer.put(AccountID.fingerprint(of: writer.bytes.span))
        return writer.bytes
    }

    /// The length that the file has.
    var fileSize: Int { self.layout.fileSize(slots: self.slots) }

    init(id: String, store: StoreID, fileNumber: Int64, slots: Int, layout: SlotLayout) {
        self.id = id
        self.store = store
        self.fileNumber = fileNumber
        self.slots = slots
        self.layout = layout
    }

    /// - Throws: `Recovery.Refusal`; `newer` before anything that a newer version may have changed is looked at.
    init(_ file: [UInt8]) throws(Recovery.Refusal) {
        var reader = FieldReader(file)
        guard reader.take(Self.magic.count)?.elementsEqual(Self.magic) == true else {
            throw file.count < Self.magic.count ? .tooShort : .notAJournal
        }
        guard let version = reader.number(UInt32.self) else { throw .tooShort }
        guard version <= SlotLayout.version else { throw .newer(version: version) }
        guard version == SlotLayout.version else { throw .damaged }
        guard file.count >= SlotLayout.slotsStart else { throw .tooShort }
        guard let slotSize = reader.number(UInt32.self), let slots = reader.number(UInt32.self),
            let fileNumber = reader.number(Int64.self), let id = reader.text(), let store = reader.text()
        else { throw .damaged }
        let checked = file[..<reader.rest.startIndex]
        guard reader.number(UInt64.self) == AccountID.fingerprint(of: Array(checked).span),
            let layout = SlotLayout(slotSize: Int(slotSize)), slots <= Self.mostSlots, Self.isName(id),
            (1..<Int64.max / 2).contains(fileNumber)
        else { throw .damaged }
        self.init(id: id, store: StoreID(store), fileNumber: fileNumber, slots: Int(slots), layout: layout)
        guard file.count >= self.fileSize else { throw .tooShort }
    }

    /// 1 to 64 visible characters of ASCII without a slash: a journal's name is part of what its records are sealed for.
    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "/") }
    }
}

/// What changes beside the slots: sealed, so that it also tells whether the key is right.
struct JournalMark: Hashable, Sendable {
    /// Counts the starts; the upper bits of every sequence of that start.
    var start: Int64
    /// The highest revision that was noted; 0 if none was.
    var revision: Revision
    /// Counts how often it was written: of two copies, the higher is the newer.
    var writes: Int64

    /// No more starts than this have sequences of their own.
    static let mostStarts: Int64 = 1 << 22
    private static let startShift: Int64 = 40

    /// The first sequence of this start; there are 2^40 of them, years of a thousand attempts a second.
    var firstSequence: Int64 { self.start << Self.startShift }

    /// The record, and where it stands.
    func sealed(by sealer: RecordSealer) throws(JournalError) -> (position: Int, bytes: [UInt8]) {
        var writer = FieldWriter()
        writer.put(self.start)
        writer.put(self.revision.number)
        let copy = Int(self.writes & 1)
        let record = try sealer.seal(writer.bytes, as: .mark, part: copy, slot: 0, sequence: self.writes)
        return (SlotLayout.markPosition(copy: copy), record.bytes)
    }

    /// The newer of the two copies that opens.
    ///
    /// - Throws: `key` when a copy is sealed under another key, `damaged` when there is none.
    init(_ file: [UInt8], layout: SlotLayout, sealer: RecordSealer) throws(Recovery.Refusal) {
        var best: JournalMark?
        var isKeyMissing = false
        for copy in 0...1 {
            let position = SlotLayout.markPosition(copy: copy)
            let room = layout.room(for: .mark, part: copy)
            guard let record = SealedRecord(in: file[(position + room.lowerBound)..<(position + room.upperBound)])
            else {
                continue
            }
            do throws(SealingError) {
                var reader = FieldReader(try sealer.open(record, as: .mark, part: copy, slot: 0).revealBytes())
                guard let start = reader.number(Int64.self), let revision = reader.number(Int64.self),
                    (1..<Self.mostStarts).contains(start), (0..<Int64.max / 2).contains(record.sequence),
                    record.sequence >= best?.writes ?? 0
                else { continue }
                best = JournalMark(start: start, revision: Revision(revision), writes: record.sequence)
            } catch {
                isKeyMissing = isKeyMissing || error == .unknownKey
            }
        }
        guard let best else { throw isKeyMissing ? .key : .damaged }
        self = best
    }

    init(start: Int64, revision: Revision, writes: Int64) {
        self.start = start
        self.revision = revision
        self.writes = writes
    }
}
