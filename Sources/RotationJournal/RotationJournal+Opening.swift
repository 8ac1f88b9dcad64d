package import Logging
package import RefreshCore
import Synchronization

extension RotationJournal {
    /// Whether a journal is at the path or in the folder for its second file.
    ///
    /// Without one, attempts that were open are not known; whether that matters is the store's to say (facts B19).
    ///
    /// - Throws: `JournalOpeningError.failed` if it cannot be told.
    package static func exists(path: String, fallback: String?) throws(JournalOpeningError) -> Bool {
        for place in Self.places(path, fallback) {
            do throws(FileFailure) {
                if try place.occupant() != .nothing { return true }
            } catch {
                throw .failed(place.path, detail: error.description)
            }
        }
        return false
    }

    /// Opens the journal, or makes it if there is none.
    ///
    /// Blocks; called once, at the start. Whatever is thrown, what is there is unchanged. If a second file is there, both
    /// are read, and one fresh file at `path` takes their place.
    ///
    /// - Parameters:
    ///   - path: The file, `escrow` by custom. While another is made, `.new` appears beside it.
    ///   - fallback: The folder for a file of the same name, should this one's ever fail: best on another disk. Nil for none.
    ///   - store: Whose journal it is.
    ///   - sealer: Seals every record.
    ///   - boot: The name of the present boot of the machine: an intent of another one counts as sent.
    ///   - newID: What a journal that is made is called: random, 1 to 64 visible characters of ASCII without a slash.
    ///   - slots: How many there are, 1 to 65,536. An existing journal with another number is made anew.
    ///   - heldBack: So many free slots are not for new attempts: long answers of those under way go on in them.
    ///   - clock: Tells when a place that failed may be tried again.
    ///   - logger: Told of files that had to be given up.
    /// - Returns: The journal. It is not healthy, but can be asked what was open, if nothing can be written any more.
    /// - Throws: `JournalOpeningError`.
    package static func open(
        path: String,
        fallback: String? = nil,
        store: StoreID,
        sealer: any Sealer,
        boot: String,
        newID: String,
        slots: Int = 768,
        heldBack: Int = 32,
        clock: any WallClock,
        logger: Logger
    ) throws(JournalOpeningError) -> RotationJournal {
        try self.open(
            places: Self.places(path, fallback),
            RecordSealer(store: store, journal: newID, sealer: sealer),
            boot: boot,
            slots: slots,
            heldBack: heldBack,
            layout: .standard,
            calls: .system,
            clock: clock,
            logger: logger
        )
    }

    /// The same with every choice open; the sealer has the name that a new journal gets.
    static func open(
        places: [JournalPlace],
        _ sealer: RecordSealer,
        boot: String,
        slots: Int,
        heldBack: Int,
        layout: SlotLayout,
        calls: FileCalls,
        clock: any WallClock,
        logger: Logger
    ) throws(JournalOpeningError) -> RotationJournal {
        precondition(JournalHeader.isName(sealer.journal), "not a journal's name")
        precondition((1...JournalHeader.mostSlots).contains(slots), "not a number of slots")
        var loaded: [LoadedFile] = []
        for place in places {
            if let one = try LoadedFile.load(place, isFirst: place == places[0], sealer, boot, calls, logger) {
                loaded.append(one)
            }
        }
        loaded.sort { $0.recovery.header.fileNumber > $1.recovery.header.fileNumber }
        if loaded.count > 1, loaded[0].recovery.header.id != loaded[1].recovery.header.id {
            throw .twoJournals(loaded[0].place.path, loaded[1].place.path)
        }

        var sealer = sealer
        if let newest = loaded.first { sealer.journal = newest.recovery.header.id }
        let isInPlace =
            loaded.count == 1 && loaded[0].place == places[0] && loaded[0].recovery.header.slots == slots
            && loaded[0].recovery.header.layout == layout
        let state: State
        do throws(JournalError) {
            state =
                isInPlace
                ? try loaded[0].stateInPlace(boot: boot, sealer)
                : try LoadedFile.merged(loaded, boot: boot, slots: slots, layout, sealer)
        } catch {
            throw .failed(places[0].path, detail: "the key cannot seal")
        }
        let journal = RotationJournal(
            id: sealer.journal,
            places: places,
            sealer: sealer,
            boot: boot,
            heldBack: heldBack,
            calls: calls,
            clock: clock,
            logger: logger,
            state: state
        )
        if let failure = isInPlace ? journal.takeOver(loaded[0]) : journal.move() {
            // What is open in an existing file can be committed even if no attempt may start.
            guard isInPlace else { throw .cannotBeMade(places[0].path, detail: failure.description) }
        }
        return journal
    }

    private static func places(_ path: String, _ fallback: String?) -> [JournalPlace] {
        let place = JournalPlace(path: path)
        return [place] + (fallback.map { [place.moved(to: $0)] } ?? [])
    }

    /// Brings an existing file to what this start knows of it, durably: no sequence of an earlier start is used again.
    ///
    /// Started any number of times, it does no harm: records that count are not touched (facts A23).
    ///
    /// - Returns: What the system refused, here and in the other place.
    private func takeOver(_ loaded: LoadedFile) -> FileFailure? {
        let failure = self.state.withLock { state -> FileFailure? in
            // Both copies: whichever is torn later, the other one knows of this start.
            for _ in 0...1 {
                state.mark.writes += 1
                guard let mark = try? state.mark.sealed(by: self.sealer) else { continue }
                state.write(SlotTable.Placed(position: mark.position, bytes: mark.bytes))
            }
            // What does not count is wiped, so that nothing of a removed account stays (facts T19).
            for (index, found) in loaded.recovery.slots.enumerated() where found != .free(isClean: true) {
                let image = state.table.image(ofSlot: index)
                let position = state.table.layout.position(ofSlot: index)
                guard !loaded.bytes[position..<(position + image.count)].elementsEqual(image) else { continue }
                state.write(SlotTable.Placed(position: position, bytes: image))
            }
            return state.failure
        }
        do throws(FileFailure) {
            if let failure { throw failure }
            try loaded.file.syncData()
            return nil
        } catch {
            self.state.withLock { $0.failure = error }
            return self.move()
        }
    }
}
