import RefreshCore

/// What each slot is used for, and the sealed records that stand in it.
///
/// The records are kept in memory too: when a file fails, they are what the next one is made from.
struct SlotTable {
    enum Use: Hashable, Sendable {
        case free
        case open
        /// Open, and its account was forgotten: nothing is written into it any more, and its owner will free it.
        case forgotten
        case part
        case setAside
    }

    /// Bytes at a place in the file.
    struct Placed: Hashable, Sendable {
        var position: Int
        var bytes: [UInt8]
    }

    struct Slot {
        var use = Use.free
        /// Of this use.
        var sequence: Int64 = 0
        var intent: AttemptIntent?
        var tries = 0
        /// The slots of the answer's further parts.
        var parts: [Int] = []
        var records: [Placed] = []
    }

    let layout: SlotLayout
    private(set) var slots: [Slot]
    private var free: [Int]
    private var nextSequence: Int64

    /// A table of free slots; no record of the journal has the first sequence or a later one.
    init(layout: SlotLayout, slots: Int, firstSequence: Int64) {
        self.layout = layout
        self.slots = Array(repeating: Slot(), count: slots)
        // The last one in the list is the next one used: recently used ones are still in the page cache.
        self.free = (0..<slots).reversed()
        self.nextSequence = firstSequence
    }

    var freeCount: Int { self.free.count }

    /// All records, to be written into a fresh file.
    var records: [Placed] { self.slots.flatMap(\.records) }

    subscript(slot: JournalSlot) -> Slot { self.slots[slot.index] }

    mutating func takeSequence() -> Int64 {
        defer { self.nextSequence += 1 }
        return self.nextSequence
    }

    /// Takes a free slot for an attempt.
    ///
    /// - Returns: Nil if there is none.
    mutating func open(_ intent: AttemptIntent) -> JournalSlot? {
        guard let index = self.free.popLast() else { return nil }
        self.slots[index] = Slot(use: .open, sequence: self.takeSequence(), intent: intent)
        return JournalSlot(index: index)
    }

    /// Takes free slots for parts of an answer.
    ///
    /// - Returns: Nil, and none is taken, if there are too few.
    mutating func takeParts(_ count: Int) -> [Int]? {
        guard count <= self.free.count else { return nil }
        let parts = Array(self.free.suffix(count).reversed())
        self.free.removeLast(count)
        for part in parts { self.slots[part] = Slot(use: .part) }
        return parts
    }

    /// Takes the places that recovery found in use; their records are put in afterwards.
    mutating func restore(_ found: [Recovery.Found]) {
        for one in found {
            self.slots[one.slot] = Slot(
                use: one.isSetAside ? .setAside : .open,
                sequence: one.sequence,
                intent: one.intent.intent,
                tries: one.tries,
                parts: one.parts
            )
            for part in one.parts { self.slots[part] = Slot(use: .part) }
        }
        self.free.removeAll { self.slots[$0].use != .free }
    }

    /// What a slot looks like in the file: its records, and zeros everywhere else.
    func image(ofSlot index: Int) -> [UInt8] {
        var image = [UInt8](repeating: 0, count: self.layout.slotSize)
        for record in self.slots[index].records {
            let start = record.position - self.layout.position(ofSlot: index)
            image.replaceSubrange(start..<(start + record.bytes.count), with: record.bytes)
        }
        return image
    }

    /// Keeps a record in the memory of its slot, in place of what stood there.
    ///
    /// - Returns: What is to be written.
    mutating func put(_ record: SealedRecord, in slot: Int) -> Placed {
        let room = self.layout.room(for: record.kind, part: record.kind == .tries ? record.part : 0)
        let placed = Placed(position: self.layout.position(ofSlot: slot) + room.lowerBound, bytes: record.bytes)
        self.slots[slot].records.removeAll { $0.position == placed.position }
        self.slots[slot].records.append(placed)
        return placed
    }

    /// Whether the record has room in its place; a sealer that adds too much is found out here.
    func hasRoom(for record: SealedRecord) -> Bool {
        let room = self.layout.room(for: record.kind, part: record.kind == .tries ? record.part : 0)
        return SealedRecord.headCount + record.sealed.bytes.count <= room.count
    }

    /// - Returns: The parts of an earlier answer, to be given back.
    mutating func setParts(_ parts: [Int], of slot: JournalSlot) -> [Int] {
        defer { self.slots[slot.index].parts = parts }
        return self.slots[slot.index].parts
    }

    /// Takes away what stands in an open slot, and lets nothing more into it.
    mutating func forget(_ slot: JournalSlot) -> [Placed] {
        self.slots[slot.index].use = .forgotten
        return self.erase(slot)
    }

    mutating func setUse(_ use: Use, of slot: JournalSlot) { self.slots[slot.index].use = use }

    mutating func countTry(in slot: JournalSlot) -> Int {
        self.slots[slot.index].tries += 1
        return self.slots[slot.index].tries
    }

    mutating func forgetTries(of slot: JournalSlot) { self.slots[slot.index].tries = 0 }

    /// Gives a slot back, with the parts of its answer.
    ///
    /// - Returns: Zeros for what stood in them, the intent's first: killed between two of these writes, the slot
    ///   must not look like one that was never sent.
    mutating func release(_ slot: JournalSlot) -> [Placed] {
        let zeros = self.erase(slot)
        self.giveBack(slot.index)
        return zeros
    }

    /// Takes away what stands in a slot, but not the slot; its parts are given back.
    private mutating func erase(_ slot: JournalSlot) -> [Placed] {
        let own = self.slots[slot.index].records.sorted { $0.position < $1.position }
        let parts = self.slots[slot.index].parts
        self.slots[slot.index].records = []
        self.slots[slot.index].parts = []
        return own.map(Self.zeros) + self.releaseParts(parts)
    }

    mutating func releaseParts(_ parts: [Int]) -> [Placed] {
        var zeros: [Placed] = []
        for part in parts {
            zeros += self.slots[part].records.map(Self.zeros)
            self.giveBack(part)
        }
        return zeros
    }

    private mutating func giveBack(_ index: Int) {
        self.slots[index] = Slot()
        self.free.append(index)
    }

    private static func zeros(for record: Placed) -> Placed {
        Placed(position: record.position, bytes: [UInt8](repeating: 0, count: record.bytes.count))
    }
}
