import RefreshCore

/// Seals and opens the records of one journal, each for its own place.
struct RecordSealer: Sendable {
    var store: StoreID
    /// The journal's own name.
    var journal: String
    var sealer: any Sealer

    /// - Throws: `JournalError.failed`, when the key cannot be used.
    func seal(
        _ plaintext: consuming [UInt8],
        as kind: RecordKind,
        part: Int = 0,
        slot: Int,
        sequence: Int64
    ) throws(JournalError) -> SealedRecord {
        var plaintext = plaintext
        defer { wipe(&plaintext) }
        do {
            let sealed = try self.sealer.seal(plaintext, at: self.place(kind, part, slot, sequence))
            return SealedRecord(kind: kind, part: part, sequence: sequence, sealed: sealed)
        } catch {
            throw .failed(detail: "a record of the journal could not be sealed")
        }
    }

    /// Opens a record that is expected to be of this kind, part and slot.
    func open(_ record: SealedRecord, as kind: RecordKind, part: Int = 0, slot: Int) throws(SealingError) -> Secret {
        guard record.kind == kind, record.part == part else { throw .refused }
        return try self.sealer.open(record.sealed, at: self.place(kind, part, slot, record.sequence))
    }

    private func place(_ kind: RecordKind, _ part: Int, _ slot: Int, _ sequence: Int64) -> SealingPlace {
        SealingPlace(
            journalOf: self.store,
            record: "\(self.journal)/\(slot)/\(kind.rawValue)/\(part)",
            sequence: sequence
        )
    }
}

extension RecordSealer {
    func intent(_ intent: AttemptIntent, boot: String, slot: Int, sequence: Int64) throws(JournalError) -> SealedRecord
    {
        try self.seal(Plaintext.bytes(of: intent, boot: boot), as: .intent, slot: slot, sequence: sequence)
    }

    /// A record that holds a number.
    func number(_ number: Int64, as kind: RecordKind, slot: Int, sequence: Int64) throws(JournalError) -> SealedRecord {
        try self.seal(Plaintext.bytes(of: number), as: kind, slot: slot, sequence: sequence)
    }

    /// The count of tries, for the copy whose turn it is.
    func tries(_ count: Int, slot: Int, sequence: Int64) throws(JournalError) -> SealedRecord {
        try self.seal(Plaintext.bytes(of: Int64(count)), as: .tries, part: count & 1, slot: slot, sequence: sequence)
    }

    /// The records of an answer, its parts first: when the first record is there, so are they.
    ///
    /// `use` is the sequence of the intent, `sequence` the answer's own; there are as many parts as the layout says.
    func answer(
        _ text: [UInt8],
        _ use: Int64,
        sequence: Int64,
        slot: Int,
        parts: [Int],
        _ layout: SlotLayout
    ) throws(JournalError) -> [(slot: Int, record: SealedRecord)] {
        var records: [(slot: Int, record: SealedRecord)] = []
        let first = min(text.count, layout.answerRoom(parts: parts.count))
        for (number, part) in parts.enumerated() {
            let start = first + number * layout.partRoom
            let piece = Array(text[start..<min(start + layout.partRoom, text.count)])
            let record = try self.seal(piece, as: .part, part: number + 1, slot: part, sequence: sequence)
            records.append((part, record))
        }
        let head = Plaintext.AnswerHead(use: use, total: text.count, parts: parts, text: text[..<first])
        let record = try self.seal(head.bytes, as: .answer, slot: slot, sequence: sequence)
        return records + [(slot, record)]
    }
}
