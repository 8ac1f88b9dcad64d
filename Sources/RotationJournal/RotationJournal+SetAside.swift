package import RefreshCore
import Synchronization

/// An attempt whose answer has killed whoever looked into it.
package struct SetAsideAttempt: Hashable, Sendable {
    package var slot: JournalSlot
    package var account: AccountID
    package var generation: Generation
    /// When the attempt began, in UTC.
    package var startedAt: Timestamp
    /// How many starts have tried to make sense of the answer.
    package var tries: Int
}

extension RotationJournal {
    /// What is set aside, in the order of the slots.
    package var setAsideAttempts: [SetAsideAttempt] {
        self.state.withLock { state in
            state.table.slots.enumerated().compactMap { index, slot in
                guard slot.use == .setAside, let intent = slot.intent else { return nil }
                return SetAsideAttempt(
                    slot: JournalSlot(index: index),
                    account: intent.account,
                    generation: intent.generation,
                    startedAt: intent.startedAt,
                    tries: slot.tries
                )
            }
        }
    }

    /// Overwrites everything of an account that is being removed, and returns once that is durable (facts T19).
    ///
    /// Slots that were set aside are free again. An open one stays with its attempt, which frees it as ever; until then
    /// nothing can be written into it, so what has not been sent yet will not be.
    ///
    /// - Throws: `JournalError.failed` if it may still be there: to be called again.
    package func forget(_ account: AccountID) async throws(JournalError) {
        let isThere = self.state.withLock { state in
            var isThere = false
            for (index, slot) in state.table.slots.enumerated() where slot.intent?.account == account {
                // Nobody has asked for it yet, so nobody would free it.
                let isUnclaimed = state.recovered.contains { $0.slot.index == index }
                let zeros: [SlotTable.Placed]
                switch slot.use {
                case .free, .part, .forgotten: continue
                case .setAside: zeros = state.table.release(JournalSlot(index: index))
                case .open where isUnclaimed: zeros = state.table.release(JournalSlot(index: index))
                case .open: zeros = state.table.forget(JournalSlot(index: index))
                }
                isThere = true
                for placed in zeros { state.write(placed) }
            }
            state.recovered.removeAll { $0.intent.account == account }
            return isThere || state.failure != nil
        }
        if isThere { try await self.flush() }
    }
}
