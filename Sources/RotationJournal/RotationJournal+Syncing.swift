import Dispatch
import Glibc
import Logging
import RefreshCore
import Synchronization

/// Syncing, and going on elsewhere when that fails.
extension RotationJournal {
    /// Returns once everything that was written before survives the loss of power.
    ///
    /// Nobody waits for company: who comes while a sync runs shares the next one.
    func flush() async throws(JournalError) {
        let failure = await withCheckedContinuation { continuation in
            self.state.withLock { $0.waiting.append(continuation) }
            self.flushSoon()
        }
        if let failure { throw .failed(detail: failure.description) }
    }

    /// Has the queue sync, if it does not already; waits for nothing.
    func flushSoon() {
        let isIdle = self.state.withLock { state in
            state.wantsFlush = true
            defer { state.isFlushing = true }
            return !state.isFlushing
        }
        guard isIdle else { return }
        self.queue.async { self.flushWaiting() }
    }

    /// On the queue: syncs until nobody asks for it any more.
    private func flushWaiting() {
        while true {
            // Taken before the sync begins: whoever comes later has written something that it may not cover.
            let waiting = self.state.withLock { state in
                state.wantsFlush = false
                defer { state.waiting = [] }
                return state.waiting
            }
            let failure = self.flushOnce()
            for one in waiting { one.resume(returning: failure) }
            let isDone = self.state.withLock { state in
                guard !state.wantsFlush else { return false }
                state.isFlushing = false
                return true
            }
            if isDone { return }
        }
    }

    /// - Returns: What the system refused, here and in the other place.
    private func flushOnce() -> FileFailure? {
        let (file, failure, retryAt) = self.state.withLock { ($0.file, $0.failure, $0.retryAt) }
        if let file, failure == nil {
            do throws(FileFailure) {
                try file.syncData()
                // A write that was refused meanwhile may be one that a caller waits for.
                guard self.state.withLock({ $0.failure != nil }) else { return nil }
            } catch {
                self.state.withLock { $0.failure = $0.failure ?? error }
            }
        } else if let failure, self.clock.now < retryAt {
            return failure
        }
        return self.move()
    }

    /// Makes a fresh file with everything that is open, in the first place that takes it.
    ///
    /// On the queue, or before anybody else knows the journal.
    ///
    /// - Returns: What the last place refused; nil if a fresh file has everything, durably.
    func move() -> FileFailure? {
        let cause = self.state.withLock { $0.failure }
        var last: FileFailure?
        for place in self.places {
            do throws(FileFailure) {
                try self.move(to: place)
                if let cause {
                    self.logger.warning(
                        "the journal went on in a fresh file",
                        metadata: ["path": "\(place.path)", "reason": "\(cause)"]
                    )
                }
                return nil
            } catch {
                self.state.withLock { $0.draft = nil }
                _ = self.calls.unlink(place.draft)
                self.logger.error(
                    "a fresh journal could not be made",
                    metadata: ["path": "\(place.path)", "reason": "\(error)"]
                )
                last = error
            }
        }
        let failure = last ?? FileFailure(doing: "move", code: EIO)
        self.state.withLock { state in
            state.failure = failure
            state.isStranded = true
            state.retryAt = self.clock.now + .seconds(1)
        }
        return failure
    }

    private func move(to place: JournalPlace) throws(FileFailure) {
        let header = self.state.withLock { state in
            state.fileNumber += 1
            return JournalHeader(
                id: self.id,
                store: self.sealer.store,
                fileNumber: state.fileNumber,
                slots: state.table.slots.count,
                layout: state.table.layout
            )
        }
        let draft = try JournalFile.make(place.draft, size: header.fileSize, header: header.bytes, calls: self.calls)
        // From here on writes go to both: killed before the new file has the name, the old one still has all.
        let refused = self.state.withLock { state -> FileFailure? in
            state.draft = draft
            state.draftFailure = nil
            return self.copy(&state, to: draft)
        }
        if let refused { throw refused }
        try draft.syncAll()
        try place.adopt(calls: self.calls)
        self.state.withLock { state in
            state.file = draft
            state.place = place
            state.draft = nil
        }
        try place.syncFolder(calls: self.calls)
        let late = self.state.withLock { state -> FileFailure? in
            if state.draftFailure == nil {
                state.failure = nil
                state.isStranded = false
            }
            return state.draftFailure
        }
        if let late { throw late }
        // A file that is left behind would be taken for the journal if the newer one were ever out of reach.
        for other in self.places where other != place { _ = self.calls.unlink(other.path) }
    }

    /// Writes both copies of the mark, and every record, into a fresh file.
    private func copy(_ state: inout State, to file: JournalFile) -> FileFailure? {
        do throws(FileFailure) {
            for _ in 0...1 {
                state.mark.writes += 1
                let mark: (position: Int, bytes: [UInt8])
                do throws(JournalError) { mark = try state.mark.sealed(by: self.sealer) } catch {
                    throw FileFailure(doing: "seal", code: EKEYREJECTED)
                }
                try file.write(mark.bytes, at: mark.position)
            }
            for record in state.table.records { try file.write(record.bytes, at: record.position) }
            return nil
        } catch {
            return error
        }
    }
}
