import RefreshCore

/// Where things stand in the file, version 1.
///
/// ```
/// file    | header 4096 | mark, copy 0 4096 | mark, copy 1 4096 | nothing 4096 | slot 0 | slot 1 | …
///
/// slot    0      intent          what is about to be spent, and in which boot
///         1024   sent            when the last byte was released
///         1280   tries, copy 0   how many starts have tried to make sense of the answer
///         1536   tries, copy 1
///         1792   set aside       never handed out again
///         2048   answer          its first bytes, and in which slots the others are
///
/// slot    0      part            all of it, where it takes up the rest of another slot's answer
/// ```
///
/// All numbers are big endian. Each of these is one record:
///
/// ```
/// | kind 1 | zero 1 | part 2 | length 4 | sequence 8 | sealed bytes … |
/// ```
///
/// A record's head is not sealed, but what it says is: the place a record is sealed for names journal, slot, kind, part
/// and sequence, so a changed head does not open. A record that does not open is not there.
///
/// Sequences are never used twice in the life of a journal. All records of one use of a slot have the one that its
/// intent was given, but for the answer: that has its own, and names the use's inside the seal. So neither
/// what an earlier use left nor half of an answer that was written over can be taken for something else.
///
/// Records that change (mark, tries) have two copies in turn, each within one 512-byte sector, the unit that a disk writes whole.
struct SlotLayout: Hashable, Sendable {
    /// What one slot takes up in the file, in bytes: a multiple of 4096 from 4096 to 65536.
    let slotSize: Int

    static let version: UInt32 = 1
    static let standard = SlotLayout(trusted: 16_384)

    private init(trusted slotSize: Int) { self.slotSize = slotSize }

    /// Nil for a size that no slot has.
    init?(slotSize: Int) {
        guard (4_096...65_536).contains(slotSize), slotSize.isMultiple(of: 4_096) else { return nil }
        self.slotSize = slotSize
    }

    static let blockSize = 4_096
    static let slotsStart = 4 * blockSize

    static func markPosition(copy: Int) -> Int { (1 + copy) * self.blockSize }

    func position(ofSlot index: Int) -> Int { Self.slotsStart + index * self.slotSize }

    /// The length of a file of so many slots.
    func fileSize(slots: Int) -> Int { self.position(ofSlot: slots) }

    /// The room of a kind of record, head included, as a range in its slot.
    func room(for kind: RecordKind, part: Int) -> Range<Int> {
        switch kind {
        case .intent: 0..<1_024
        case .sent: 1_024..<1_280
        case .tries: part == 0 ? 1_280..<1_536 : 1_536..<1_792
        case .setAside: 1_792..<2_048
        case .answer: 2_048..<self.slotSize
        case .part: 0..<self.slotSize
        case .mark: 0..<512
        }
    }

    // What a seal may add. The sealer does not say how much; one that adds more makes no record that fits.
    private static let sealAllowance = 256
    // Of an answer's first record: the sequence of the use, the answer's length, and the number of parts.
    private static let answerHead = 8 + 4 + 2

    /// How many bytes of an answer's text its first record has room for, when others are in so many parts.
    ///
    /// - Returns: Less than zero if not even the list of parts has room.
    func answerRoom(parts: Int) -> Int {
        self.room(for: .answer, part: 0).count - SealedRecord.headCount - Self.sealAllowance - Self.answerHead - 4
            * parts
    }

    /// How many bytes of an answer's text one part has room for.
    var partRoom: Int { self.slotSize - SealedRecord.headCount - Self.sealAllowance }

    /// How many parts an answer's text of so many bytes needs beside its first record.
    ///
    /// - Returns: Nil if it is too long for any number.
    func parts(forAnswerOf count: Int) -> Int? {
        var parts = 0
        while self.answerRoom(parts: parts) + parts * self.partRoom < count {
            parts += 1
            guard parts <= Int(UInt16.max), self.answerRoom(parts: parts) >= 0 else { return nil }
        }
        return parts
    }
}

/// What a record is; the numbers stand in files.
enum RecordKind: UInt8, Hashable, Sendable {
    case intent = 1
    case sent = 2
    case tries = 3
    case setAside = 4
    case answer = 5
    case part = 6
    case mark = 7
}

/// One record as it stands in the file.
struct SealedRecord: Hashable, Sendable {
    var kind: RecordKind
    var part: Int
    var sequence: Int64
    var sealed: SealedBytes

    static let headCount = 16

    init(kind: RecordKind, part: Int, sequence: Int64, sealed: SealedBytes) {
        self.kind = kind
        self.part = part
        self.sequence = sequence
        self.sealed = sealed
    }

    /// Reads a record: nil if what stands there cannot be a record.
    ///
    /// - Parameter room: All the bytes that it may take up.
    init?(in room: ArraySlice<UInt8>) {
        var reader = FieldReader(room)
        guard let kind = reader.number(UInt8.self).flatMap(RecordKind.init(rawValue:)),
            reader.number(UInt8.self) == 0,
            let part = reader.number(UInt16.self),
            let length = reader.number(UInt32.self),
            let sequence = reader.number(Int64.self),
            let sealed = reader.take(Int(length))
        else { return nil }
        self.init(kind: kind, part: Int(part), sequence: sequence, sealed: SealedBytes(Array(sealed)))
    }

    var bytes: [UInt8] {
        var writer = FieldWriter()
        writer.put(self.kind.rawValue)
        writer.put(UInt8(0))
        writer.put(UInt16(truncatingIfNeeded: self.part))
        writer.put(UInt32(truncatingIfNeeded: self.sealed.bytes.count))
        writer.put(self.sequence)
        writer.put(self.sealed.bytes)
        return writer.bytes
    }
}
