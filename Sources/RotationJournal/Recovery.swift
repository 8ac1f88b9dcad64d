import Glibc
package import RefreshCore

/// What a journal's file says after a crash.
///
/// Reading is a pure function of the bytes, and total: whatever they are, it answers or refuses, and does not trap.
package struct Recovery: Sendable {
    /// Why bytes are not this store's journal.
    package enum Refusal: Error, Hashable, Sendable {
        case notAJournal
        case tooShort
        case newer(version: UInt32)
        /// Its header or both of its marks cannot be read.
        case damaged
        /// Another store's.
        case foreign
        /// Sealed under a key that is not here.
        case key
    }

    /// What a slot is found to be.
    package enum SlotState: Hashable, Sendable {
        /// Nothing is in it that counts; whether every byte is zero.
        case free(isClean: Bool)
        case open
        /// Takes up a part of the answer in another slot.
        case part(of: Int)
        case setAside
        /// Something is in it, under a key that is not here.
        case locked
    }

    /// All of one attempt, open or set aside.
    struct Found: Sendable {
        var slot: Int
        var sequence: Int64
        var intent: Plaintext.Intent
        var sentAt: Timestamp?
        var tries: Int
        var isSetAside: Bool
        var answer: RawAnswer?
        /// The slots of the answer's further parts.
        var parts: [Int]

        /// What the engine is told of it.
        ///
        /// - Parameter boot: The present one: only the page cache of one and the same boot can prove that no mark was
        ///   written.
        /// - Returns: The attempt; nothing sent is claimed only with that proof.
        func attempt(boot: String) -> RecoveredAttempt {
            let intent = self.intent.intent
            let sentAt = self.sentAt ?? intent.startedAt
            let progress: RecoveredAttempt.Progress
            if let answer = self.answer {
                progress = .answered(answer, sentAt: sentAt)
            } else if self.sentAt == nil, !boot.isEmpty, self.intent.boot == boot {
                progress = .notSent
            } else {
                progress = .sent(at: sentAt)
            }
            return RecoveredAttempt(
                slot: JournalSlot(index: self.slot),
                intent: intent,
                progress: progress,
                tries: self.tries
            )
        }
    }

    package let header: JournalHeader
    let mark: JournalMark
    /// In the order in which the attempts began.
    let found: [Found]
    /// One for each slot of the file.
    package let slots: [SlotState]
    private let boot: String

    /// The attempts that are open, in the order in which they began; those set aside are not among them.
    package var attempts: [RecoveredAttempt] {
        self.found.filter { !$0.isSetAside }.map { $0.attempt(boot: self.boot) }
    }

    /// Reads a journal.
    ///
    /// - Parameters:
    ///   - bytes: The whole file; what is beyond the length that its header names is not looked at.
    ///   - store: Whose journal it has to be.
    ///   - sealer: Opens the records.
    ///   - boot: The name of the present boot; empty if no intent can be of this one.
    /// - Returns: What the slots hold; what does not open is not there.
    /// - Throws: `Refusal`, if the bytes as a whole are not to be read.
    package static func read(
        bytes: [UInt8],
        store: StoreID,
        sealer: any Sealer,
        boot: String
    ) throws(Refusal) -> Recovery {
        let header = try JournalHeader(bytes)
        guard header.store == store else { throw .foreign }
        let sealer = RecordSealer(store: store, journal: header.id, sealer: sealer)
        let mark = try JournalMark(bytes, layout: header.layout, sealer: sealer)
        let reader = SlotReader(bytes: bytes, header: header, sealer: sealer)

        var slots: [SlotState] = (0..<header.slots).map { .free(isClean: reader.isZero($0)) }
        var found: [Found] = []
        for slot in 0..<header.slots where slots[slot] != .free(isClean: true) {
            do throws(SealingError) {
                guard let one = try reader.found(in: slot) else { continue }
                slots[slot] = one.isSetAside ? .setAside : .open
                found.append(one)
            } catch {
                if error == .unknownKey { slots[slot] = .locked }
            }
        }
        for one in found {
            for part in one.parts { slots[part] = .part(of: one.slot) }
        }
        found.sort { $0.sequence < $1.sequence }
        return Recovery(header: header, mark: mark, found: found, slots: slots, boot: boot)
    }
}

/// Reads the records of single slots.
struct SlotReader {
    let bytes: [UInt8]
    let header: JournalHeader
    let sealer: RecordSealer
    private let zeros: [UInt8]

    init(bytes: [UInt8], header: JournalHeader, sealer: RecordSealer) {
        self.bytes = bytes
        self.header = header
        self.sealer = sealer
        self.zeros = Array(repeating: 0, count: header.layout.slotSize)
    }

    func isZero(_ slot: Int) -> Bool {
        let start = self.header.layout.position(ofSlot: slot)
        let size = self.header.layout.slotSize
        // In one call: at the start all of the file is looked at.
        return unsafe self.bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return true }
            return unsafe memcmp(base + start, self.zeros, size) == 0
        }
    }

    /// What stands in the place of a record, opened or not.
    func record(_ kind: RecordKind, part: Int = 0, in slot: Int) -> SealedRecord? {
        let start = self.header.layout.position(ofSlot: slot)
        let room = self.header.layout.room(for: kind, part: kind == .tries ? part : 0)
        guard let record = SealedRecord(in: self.bytes[(start + room.lowerBound)..<(start + room.upperBound)]),
            record.kind == kind
        else { return nil }
        return record
    }

    /// The attempt in a slot.
    ///
    /// - Returns: Nil if there is none.
    /// - Throws: What the sealer says of an intent that does not open.
    func found(in slot: Int) throws(SealingError) -> Recovery.Found? {
        guard let record = self.record(.intent, in: slot) else { return nil }
        let plaintext = try self.sealer.open(record, as: .intent, slot: slot).revealBytes()
        guard let intent = Plaintext.intent(from: plaintext) else { return nil }
        let use = record.sequence
        let answer = self.answer(in: slot, use: use)
        return Recovery.Found(
            slot: slot,
            sequence: use,
            intent: intent,
            sentAt: self.number(.sent, in: slot, use: use).map { Timestamp(milliseconds: $0) },
            tries: (0...1).compactMap { self.number(.tries, part: $0, in: slot, use: use) }
                .map { Int(clamping: $0) }.max() ?? 0,
            isSetAside: self.number(.setAside, in: slot, use: use) != nil,
            answer: answer?.answer,
            parts: answer?.parts ?? []
        )
    }

    /// The records of an attempt that was found, as they stand in the file.
    func records(of found: Recovery.Found) -> [(slot: Int, record: SealedRecord)] {
        var records: [SealedRecord?] = [self.record(.intent, in: found.slot)]
        if found.sentAt != nil { records.append(self.record(.sent, in: found.slot)) }
        if found.isSetAside { records.append(self.record(.setAside, in: found.slot)) }
        if found.answer != nil { records.append(self.record(.answer, in: found.slot)) }
        for copy in 0...1 where self.number(.tries, part: copy, in: found.slot, use: found.sequence) != nil {
            records.append(self.record(.tries, part: copy, in: found.slot))
        }
        return records.compactMap { record in record.map { (found.slot, $0) } }
            + found.parts.compactMap { part in self.record(.part, in: part).map { (part, $0) } }
    }

    /// A record that holds a number and belongs to this use of the slot.
    private func number(_ kind: RecordKind, part: Int = 0, in slot: Int, use: Int64) -> Int64? {
        guard let record = self.record(kind, part: part, in: slot), record.sequence == use else { return nil }
        return self.plaintext(of: record, as: kind, part: part, slot: slot).flatMap { Plaintext.number(from: $0) }
    }

    private func plaintext(of record: SealedRecord, as kind: RecordKind, part: Int = 0, slot: Int) -> [UInt8]? {
        (try? self.sealer.open(record, as: kind, part: part, slot: slot))?.revealBytes()
    }

    /// The answer, if every part of it is there.
    private func answer(in slot: Int, use: Int64) -> (answer: RawAnswer, parts: [Int])? {
        guard let record = self.record(.answer, in: slot),
            var opened = self.plaintext(of: record, as: .answer, slot: slot)
        else { return nil }
        defer { wipe(&opened) }
        guard let head = Plaintext.AnswerHead(opened), head.use == use else { return nil }
        var text = Array(head.text)
        defer { wipe(&text) }
        for (number, part) in head.parts.enumerated() {
            guard part < self.header.slots, let more = self.record(.part, in: part),
                more.sequence == record.sequence,
                let more = self.plaintext(of: more, as: .part, part: number + 1, slot: part)
            else { return nil }
            text += more
        }
        guard text.count == head.total, let answer = Plaintext.answer(from: text) else { return nil }
        return (answer, head.parts)
    }
}
