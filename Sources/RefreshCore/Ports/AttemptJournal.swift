/// Where an attempt is written down before it can do harm, and its answer before anybody looks into it.
///
/// A scratch pad of slots, each of a size that is fixed and a place that is there beforehand: nothing is allocated while
/// an attempt is under way, so a full disk cannot lose an answer. What is written survives the death of the process at
/// once, and the loss of power after `sync` (facts, section 3).
package protocol AttemptJournal: Sendable {
    /// Whether attempts may start: the last sync went well, and there are slots for those to come.
    var isHealthy: Bool { get }

    /// Reserves a slot and writes the intent into it.
    ///
    /// - Parameters:
    ///   - intent: What is about to be spent.
    ///   - isDurable: Whether it survives the loss of power before this returns: where a blind replay can hurt other
    ///     grants (facts, section 3, step 3).
    /// - Returns: The slot, open until it is freed or set aside.
    /// - Throws: `JournalError`; nothing is reserved then.
    func begin(_ intent: AttemptIntent, isDurable: Bool) async throws(JournalError) -> JournalSlot

    /// Writes the mark "sent", with its moment in UTC: from here on nobody can prove that the server did not act.
    ///
    /// Takes microseconds and waits for no disk.
    func markSent(_ slot: JournalSlot, at moment: Timestamp) throws(JournalError)

    /// Puts an answer into the slot, as it came.
    ///
    /// Takes microseconds and waits for no disk.
    func keep(_ answer: RawAnswer, in slot: JournalSlot) throws(JournalError)

    /// Returns once everything written into the slot survives the loss of power; several slots share one sync.
    func sync(_ slot: JournalSlot) async throws(JournalError)

    /// Gives slots back whose attempts are committed, or were never sent.
    ///
    /// What they held is overwritten, at once or with the next write. Must not wait for a disk.
    func free(_ slots: [JournalSlot])

    /// Writes down that the store has committed this revision: a store that comes back with less is an older one.
    ///
    /// Must not wait for a disk.
    func note(_ revision: Revision)

    /// What an earlier process left open, in the order in which the attempts began; called once, before any `begin`.
    ///
    /// Slots that were set aside are not among them.
    func recovered() -> [RecoveredAttempt]

    /// Counts one more try to make sense of a recovered answer, durably, before it is tried (facts A10).
    func willTry(_ slot: JournalSlot) throws(JournalError)

    /// Forgets the tries: the answer was read to its end, and whatever fails from here on is not its fault.
    ///
    /// Must not wait for a disk.
    func wasRead(_ slot: JournalSlot)

    /// Overwrites everything of an account that has been removed, and returns once that is durable (facts T19).
    ///
    /// What was set aside is free again; a slot that is open is still freed by whoever opened it.
    func forget(_ account: AccountID) async throws(JournalError)

    /// Keeps the slot as it is and never hands it out again: its answer has killed whoever looked into it.
    func setAside(_ slot: JournalSlot)
}

/// Names a slot for as long as it is not freed.
package struct JournalSlot: Hashable, Sendable {
    package var index: Int

    package init(index: Int) { self.index = index }
}

/// What is written down before a grant is spent.
package struct AttemptIntent: Hashable, Sendable {
    package var account: AccountID
    /// The generation whose grant is spent; the answer is generation + 1.
    package var generation: Generation
    /// Which attempt on this generation it is whose outcome might be unknown, from 1.
    package var number: Int
    /// Of the refresh token that is spent (`Sealer.fingerprint`).
    package var fingerprint: [UInt8]
    /// UTC.
    package var startedAt: Timestamp

    package init(
        account: AccountID,
        generation: Generation,
        number: Int,
        fingerprint: [UInt8],
        startedAt: Timestamp
    ) {
        self.account = account
        self.generation = generation
        self.number = number
        self.fingerprint = fingerprint
        self.startedAt = startedAt
    }
}

/// What an earlier process left in a slot.
package struct RecoveredAttempt: Sendable {
    package enum Progress: Sendable {
        /// It is certain that the server did not act: this boot's page cache has the intent and no mark.
        case notSent
        /// The last byte may have left; no complete answer is here. An intent of an earlier boot counts as sent.
        case sent(at: Timestamp)
        case answered(RawAnswer, sentAt: Timestamp)
    }

    package var slot: JournalSlot
    package var intent: AttemptIntent
    package var progress: Progress
    /// How many earlier starts have tried to make sense of the answer and did not live to commit it.
    package var tries: Int

    package init(slot: JournalSlot, intent: AttemptIntent, progress: Progress, tries: Int) {
        self.slot = slot
        self.intent = intent
        self.progress = progress
        self.tries = tries
    }
}

/// Why an attempt could not be written down.
package enum JournalError: Error, Hashable, Sendable {
    /// Every slot is taken: try again when one is freed.
    case full
    /// The system refused a write or a sync, here and in the second place: nothing may be spent before it works again.
    case failed(detail: String)
}
