import Dispatch
import Logging
package import RefreshCore
import Synchronization

/// The attempt journal: one file of slots that were written out beforehand, and a second place for when the first fails.
///
/// Writes go in place under one lock and take microseconds. Syncs, and the making of a fresh file, are done by one queue of
/// its own: callers that arrive while a sync runs share the next one. A file that refused a write or a sync is given up: all
/// that is open is written into a fresh one, from memory, in the same folder or else in the other (facts B05).
package final class RotationJournal: AttemptJournal {
    struct State {
        var table: SlotTable
        var mark: JournalMark
        /// The file that has the name.
        var file: JournalFile?
        var place: JournalPlace?
        /// The file that is to take over: while it is being made, everything is written into both.
        var draft: JournalFile?
        /// What it has refused, before or after it took over.
        var draftFailure: FileFailure?
        var fileNumber: Int64
        /// What the system refused, until a fresh file has everything.
        var failure: FileFailure?
        /// Whether no place took a fresh file when that was last tried: what comes now is in memory only.
        var isStranded = false
        /// Not before this is a fresh file tried again.
        var retryAt = Timestamp(milliseconds: .min)
        var waiting: [CheckedContinuation<FileFailure?, Never>] = []
        var isFlushing = false
        /// Whether somebody has asked since the sync that runs began.
        var wantsFlush = false
        var recovered: [RecoveredAttempt]

        init(table: SlotTable, mark: JournalMark, fileNumber: Int64, recovered: [RecoveredAttempt]) {
            self.table = table
            self.mark = mark
            self.fileNumber = fileNumber
            self.recovered = recovered
        }
    }

    /// The journal's own name: another one than the store remembers is another journal.
    package let id: String
    /// Where it stands while nothing has failed.
    package let path: String

    let places: [JournalPlace]
    let sealer: RecordSealer
    let state: Mutex<State>
    let calls: FileCalls
    let clock: any WallClock
    let logger: Logger
    let queue = DispatchQueue(label: "refreshd.journal")
    let boot: String
    private let heldBack: Int

    init(
        id: String,
        places: [JournalPlace],
        sealer: RecordSealer,
        boot: String,
        heldBack: Int,
        calls: FileCalls,
        clock: any WallClock,
        logger: Logger,
        state: consuming sending State
    ) {
        self.id = id
        self.path = places[0].path
        self.places = places
        self.sealer = sealer
        self.boot = boot
        self.heldBack = heldBack
        self.calls = calls
        self.clock = clock
        self.logger = logger
        self.state = Mutex(state)
    }

    // MARK: What can be asked

    /// Whether attempts may start.
    ///
    /// While it is not so because the system refused something, asking is also what makes it try again, at most once a
    /// second and not in the caller's time: an engine that waits for a healthy journal makes no other call.
    package var isHealthy: Bool {
        let (isHealthy, retryAt) = self.state.withLock { state in
            (
                state.failure == nil && state.table.freeCount > self.heldBack,
                state.failure == nil || state.isFlushing ? nil : state.retryAt
            )
        }
        if let retryAt, self.clock.now >= retryAt { self.flushSoon() }
        return isHealthy
    }

    /// The highest revision that was noted; 0 if none was.
    package var mark: Revision { self.state.withLock { $0.mark.revision } }

    /// How many attempts are open.
    package var openSlots: Int {
        self.state.withLock { $0.table.slots.count { $0.use == .open || $0.use == .forgotten } }
    }

    package var setAsideCount: Int { self.state.withLock { $0.table.slots.count { $0.use == .setAside } } }

    /// Where it stands now; nil while no file could be made.
    package var currentPath: String? { self.state.withLock { $0.place?.path } }

    // MARK: The port

    package func begin(_ intent: AttemptIntent, isDurable: Bool) async throws(JournalError) -> JournalSlot {
        if self.state.withLock({ $0.failure != nil }) { try await self.flush() }
        let taken = self.state.withLock { state -> (slot: JournalSlot, sequence: Int64)? in
            // The last ones are for the answers of those under way.
            guard state.table.freeCount > self.heldBack, let slot = state.table.open(intent) else { return nil }
            return (slot, state.table[slot].sequence)
        }
        guard let (slot, sequence) = taken else { throw .full }
        do throws(JournalError) {
            let record = try self.sealer.intent(intent, boot: self.boot, slot: slot.index, sequence: sequence)
            if try self.put(record, in: slot) != nil || isDurable { try await self.flush() }
            return slot
        } catch {
            self.free([slot])
            throw error
        }
    }

    package func markSent(_ slot: JournalSlot, at moment: Timestamp) throws(JournalError) {
        let sequence = try self.sequence(of: slot)
        let record = try self.sealer.number(moment.milliseconds, as: .sent, slot: slot.index, sequence: sequence)
        // Also if an earlier write was refused: whatever cannot be kept must not be spent.
        let failure = try self.put(record, in: slot) ?? self.state.withLock { $0.failure }
        if let failure { throw .failed(detail: failure.description) }
    }

    package func keep(_ answer: RawAnswer, in slot: JournalSlot) throws(JournalError) {
        var text = Plaintext.bytes(of: answer)
        defer { wipe(&text) }
        let use = try self.sequence(of: slot)
        let layout = self.state.withLock { $0.table.layout }
        guard let count = layout.parts(forAnswerOf: text.count),
            let (sequence, parts) = self.state.withLock({ state -> (Int64, [Int])? in
                state.table.takeParts(count).map { (state.table.takeSequence(), $0) }
            })
        else { throw .full }
        let records: [(slot: Int, record: SealedRecord)]
        do throws(JournalError) {
            records = try self.sealer.answer(text, use, sequence: sequence, slot: slot.index, parts: parts, layout)
        } catch {
            self.state.withLock { _ = $0.table.releaseParts(parts) }
            throw error
        }
        let failure = self.state.withLock { state -> FileFailure? in
            guard state.table[slot].use == .open, state.table[slot].sequence == use else {
                _ = state.table.releaseParts(parts)
                return nil
            }
            for (slot, record) in records { state.write(state.table.put(record, in: slot)) }
            let old = state.table.setParts(parts, of: slot)
            for zeros in state.table.releaseParts(old) { state.write(zeros) }
            return state.isStranded ? state.failure : nil
        }
        if self.state.withLock({ $0.failure != nil }) { self.flushSoon() }
        // A write that was refused just now is not told: the bytes are on their way to a fresh file, and `sync`, which
        // waits for that, is who learns whether they have arrived.
        if let failure { throw .failed(detail: failure.description) }
    }

    package func sync(_ slot: JournalSlot) async throws(JournalError) { try await self.flush() }

    package func free(_ slots: [JournalSlot]) {
        let hasFailed = self.state.withLock { state in
            for slot in slots where state.table.slots.indices.contains(slot.index) {
                guard [.open, .forgotten].contains(state.table[slot].use) else { continue }
                for zeros in state.table.release(slot) { state.write(zeros) }
            }
            return state.failure != nil
        }
        if hasFailed { self.flushSoon() }
    }

    package func note(_ revision: Revision) {
        let hasFailed = self.state.withLock { state in
            guard revision > state.mark.revision else { return false }
            state.mark.revision = revision
            state.mark.writes += 1
            guard let (position, bytes) = try? state.mark.sealed(by: self.sealer) else { return false }
            state.write(SlotTable.Placed(position: position, bytes: bytes))
            return state.failure != nil
        }
        if hasFailed { self.flushSoon() }
    }

    package func recovered() -> [RecoveredAttempt] {
        self.state.withLock { state in
            defer { state.recovered = [] }
            return state.recovered
        }
    }

    /// Counts one more try.
    ///
    /// What it is counted for is the death of the process at this answer: that it survives at once. The loss of power it
    /// survives with the next sync, which is started and not waited for.
    package func willTry(_ slot: JournalSlot) throws(JournalError) {
        let sequence = try self.sequence(of: slot)
        let count = self.state.withLock { $0.table.countTry(in: slot) }
        let record = try self.sealer.tries(count, slot: slot.index, sequence: sequence)
        let failure = try self.put(record, in: slot)
        self.flushSoon()
        if let failure { throw .failed(detail: failure.description) }
    }

    package func wasRead(_ slot: JournalSlot) {
        guard let sequence = try? self.sequence(of: slot) else { return }
        self.state.withLock { $0.table.forgetTries(of: slot) }
        // Both copies: the greater one would count.
        for part in 0...1 {
            guard
                let record = try? self.sealer.seal(
                    Plaintext.bytes(of: Int64(0)),
                    as: .tries,
                    part: part,
                    slot: slot.index,
                    sequence: sequence
                )
            else { continue }
            _ = try? self.put(record, in: slot)
        }
    }

    package func setAside(_ slot: JournalSlot) {
        guard let sequence = try? self.sequence(of: slot) else {
            // Its account was forgotten: there is nothing left to keep.
            self.free([slot])
            return
        }
        let record = try? self.sealer.number(1, as: .setAside, slot: slot.index, sequence: sequence)
        if let record { _ = try? self.put(record, in: slot) }
        self.state.withLock { $0.table.setUse(.setAside, of: slot) }
        self.flushSoon()
    }
}

extension RotationJournal {
    /// The sequence of the use that the slot is in.
    ///
    /// - Throws: `JournalError.failed` if nothing may be written into it.
    private func sequence(of slot: JournalSlot) throws(JournalError) -> Int64 {
        let sequence = self.state.withLock { state -> Int64? in
            guard state.table.slots.indices.contains(slot.index), state.table[slot].use == .open else { return nil }
            return state.table[slot].sequence
        }
        guard let sequence else { throw .failed(detail: "the slot is not open, or its account was removed") }
        return sequence
    }

    /// Writes a record of an open slot.
    ///
    /// - Returns: What the system refused of it; nil if the file with the name has the record.
    private func put(_ record: SealedRecord, in slot: JournalSlot) throws(JournalError) -> FileFailure? {
        let (isOpen, failure) = self.state.withLock { state -> (Bool, FileFailure?) in
            guard state.table[slot].use == .open, state.table[slot].sequence == record.sequence,
                state.table.hasRoom(for: record)
            else { return (false, nil) }
            return (true, state.write(state.table.put(record, in: slot.index)))
        }
        guard isOpen else { throw .failed(detail: "the slot is not open, or its account was removed") }
        if failure != nil { self.flushSoon() }
        return failure
    }
}

extension RotationJournal.State {
    /// Writes into the file with the name, and into the one that is to take over.
    ///
    /// - Returns: What the system refused, in the first of them; remembered, so that a fresh file is made.
    @discardableResult
    mutating func write(_ placed: SlotTable.Placed) -> FileFailure? {
        if let draft = self.draft {
            do throws(FileFailure) { try draft.write(placed.bytes, at: placed.position) } catch {
                self.draftFailure = error
            }
        }
        guard let file = self.file else { return self.failure }
        do throws(FileFailure) {
            try file.write(placed.bytes, at: placed.position)
            return nil
        } catch {
            self.failure = self.failure ?? error
            self.draftFailure = self.draftFailure ?? error
            return error
        }
    }
}
