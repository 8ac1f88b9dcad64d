import Logging
import RefreshCore

/// A file of the journal, as it is found at the start.
struct LoadedFile {
    let place: JournalPlace
    let file: JournalFile
    let bytes: [UInt8]
    let recovery: Recovery

    /// Looks at a place, and reads what is there.
    ///
    /// Nil if there is no file; the first place's folder has to be there, the other's need not.
    static func load(
        _ place: JournalPlace,
        isFirst: Bool,
        _ sealer: RecordSealer,
        _ boot: String,
        _ calls: FileCalls,
        _ logger: Logger
    ) throws(JournalOpeningError) -> LoadedFile? {
        guard try Self.isOccupied(place, isFirst: isFirst, logger) else { return nil }
        let file: JournalFile
        let bytes: [UInt8]
        do throws(FileFailure) {
            file = try JournalFile.open(place.path, calls: calls)
            bytes = try file.read()
        } catch {
            throw .failed(place.path, detail: error.description)
        }
        let recovery: Recovery
        do throws(Recovery.Refusal) {
            recovery = try Recovery.read(bytes: bytes, store: sealer.store, sealer: sealer.sealer, boot: boot)
        } catch {
            throw JournalOpeningError(error, at: place.path)
        }
        let locked = recovery.slots.count { $0 == .locked }
        guard locked == 0 else { throw .key(place.path, attempts: locked) }
        return LoadedFile(place: place, file: file, bytes: bytes, recovery: recovery)
    }

    private static func isOccupied(
        _ place: JournalPlace,
        isFirst: Bool,
        _ logger: Logger
    ) throws(JournalOpeningError) -> Bool {
        let folder: JournalPlace.Occupant
        let occupant: JournalPlace.Occupant
        do throws(FileFailure) {
            folder = try place.folderOccupant()
            occupant = try place.occupant()
        } catch {
            throw .failed(place.path, detail: error.description)
        }
        switch folder {
        case .exposed: throw .exposed(place.folder)
        case .file, .somethingElse: break
        case .nothing:
            if isFirst { throw .folderMissing(place.folder) }
            logger.warning("the folder for the second journal is missing", metadata: ["folder": "\(place.folder)"])
            return false
        }
        switch occupant {
        case .nothing: return false
        case .file: return true
        case .exposed: throw .exposed(place.path)
        case .somethingElse: throw .notAJournal(place.path)
        }
    }

    /// The state of a journal that goes on in this file.
    func stateInPlace(boot: String, _ sealer: RecordSealer) throws(JournalError) -> RotationJournal.State {
        var mark = self.recovery.mark
        mark.start += 1
        let header = self.recovery.header
        var table = SlotTable(layout: header.layout, slots: header.slots, firstSequence: mark.firstSequence)
        table.restore(self.recovery.found)
        let reader = SlotReader(bytes: self.bytes, header: header, sealer: sealer)
        for one in self.recovery.found {
            for (slot, record) in reader.records(of: one) { _ = table.put(record, in: slot) }
        }
        var state = RotationJournal.State(
            table: table,
            mark: mark,
            fileNumber: header.fileNumber,
            recovered: self.recovery.attempts
        )
        state.file = self.file
        state.place = self.place
        return state
    }

    /// The state of a journal that has no file yet, with all that is open in these, sealed anew.
    ///
    /// The newest file comes first; there is none for a journal that is made.
    static func merged(
        _ loaded: [LoadedFile],
        boot: String,
        slots: Int,
        _ layout: SlotLayout,
        _ sealer: RecordSealer
    ) throws(JournalError) -> RotationJournal.State {
        let mark = JournalMark(
            start: (loaded.map(\.recovery.mark.start).max() ?? 0) + 1,
            revision: loaded.map(\.recovery.mark.revision).max() ?? Revision(0),
            writes: (loaded.map(\.recovery.mark.writes).max() ?? 0) + 1
        )
        let found = Self.union(loaded)
        let texts = found.map { one in one.answer.map { Plaintext.bytes(of: $0) } ?? [] }
        let needed = texts.reduce(0) { $0 + 1 + (layout.parts(forAnswerOf: $1.count) ?? 0) }
        var table = SlotTable(layout: layout, slots: max(slots, needed), firstSequence: mark.firstSequence)
        var attempts: [RecoveredAttempt] = []
        for (one, text) in zip(found, texts) {
            guard let slot = table.open(one.intent.intent) else { throw .full }
            let index = slot.index
            let use = table[slot].sequence
            for _ in 0..<one.tries { _ = table.countTry(in: slot) }
            var records = [try sealer.intent(one.intent.intent, boot: one.intent.boot, slot: index, sequence: use)]
            if let sentAt = one.sentAt {
                records.append(try sealer.number(sentAt.milliseconds, as: .sent, slot: index, sequence: use))
            }
            if one.tries > 0 { records.append(try sealer.tries(one.tries, slot: index, sequence: use)) }
            if one.isSetAside {
                records.append(try sealer.number(1, as: .setAside, slot: index, sequence: use))
                table.setUse(.setAside, of: slot)
            }
            for record in records { _ = table.put(record, in: index) }
            if one.answer != nil {
                guard let parts = table.takeParts(layout.parts(forAnswerOf: text.count) ?? 0) else { throw .full }
                let sequence = table.takeSequence()
                for (slot, record) in try sealer.answer(
                    text,
                    use,
                    sequence: sequence,
                    slot: index,
                    parts: parts,
                    layout
                ) {
                    _ = table.put(record, in: slot)
                }
                _ = table.setParts(parts, of: slot)
            }
            if !one.isSetAside {
                var moved = one
                moved.slot = index
                attempts.append(moved.attempt(boot: boot))
            }
        }
        return RotationJournal.State(
            table: table,
            mark: mark,
            fileNumber: loaded.first?.recovery.header.fileNumber ?? 0,
            recovered: attempts
        )
    }

    /// Every attempt once, in the order in which they began.
    ///
    /// Of one that is in both files, the newer file has more. One that is in the older file alone was freed since, or the newer
    /// file never knew of it; that it was not sent is no proof any more.
    private static func union(_ loaded: [LoadedFile]) -> [Recovery.Found] {
        guard let newest = loaded.first else { return [] }
        var known = Set(newest.recovery.found.map(\.intent.intent))
        var found = newest.recovery.found
        for older in loaded.dropFirst() {
            for var one in older.recovery.found where known.insert(one.intent.intent).inserted {
                one.intent.boot = ""
                found.append(one)
            }
        }
        return found.sorted { $0.sequence < $1.sequence }
    }
}
