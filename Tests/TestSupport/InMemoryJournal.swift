package import RefreshCore
import Synchronization

/// The honest fake: a journal in memory that keeps its promises until it is told to break one.
///
/// What it holds survives the death of the process; `afterRestart` is the journal that the next process finds.
package final class InMemoryJournal: AttemptJournal {
    /// What was called, and of whom; a call that failed is not among them.
    package enum Call: Hashable, Sendable {
        case begin(AccountID, isDurable: Bool)
        case markSent(AccountID)
        case keep(AccountID)
        case sync(AccountID)
        case free(AccountID)
        case note(Revision)
        case willTry(AccountID)
        case setAside(AccountID)
        /// Something of the test's own, to tell what came before and after it.
        case other(String)
    }

    private struct Slot {
        var intent: AttemptIntent
        var sentAt: Timestamp?
        var answer: RawAnswer?
        var tries = 0
        var isSetAside = false
    }

    private struct State {
        var slots: [Int: Slot] = [:]
        /// Slots in the order in which their attempts began.
        var order: [Int] = []
        var capacity: Int
        var mark = Revision(0)
        var calls: [Call] = []
        var recovered: [RecoveredAttempt] = []
        var isUnhealthy = false
        var failsBegin = false
        var failsMarkSent = false
        var failsKeep = false
        var failsSync = false
        var failsWillTry = false
    }

    private let state: Mutex<State>

    /// - Parameter capacity: How many attempts it has room for.
    package convenience init(capacity: Int = 768) { self.init(State(capacity: capacity)) }

    private init(_ state: consuming sending State) { self.state = Mutex(state) }

    /// The journal that the next process finds.
    ///
    /// - Parameter isSameBoot: False if the machine was started anew too: then an intent counts as sent, mark or not.
    /// - Returns: A journal with the same slots, and nothing that was asked or set to fail.
    package func afterRestart(isSameBoot: Bool = true) -> InMemoryJournal {
        let old = self.state.withLock { $0 }
        var new = State(capacity: old.capacity)
        new.slots = old.slots
        new.order = old.order
        new.mark = old.mark
        new.recovered = old.order.compactMap { index in
            guard let slot = old.slots[index], !slot.isSetAside else { return nil }
            return RecoveredAttempt(
                slot: JournalSlot(index: index),
                intent: slot.intent,
                progress: Self.progress(of: slot, isSameBoot: isSameBoot),
                tries: slot.tries
            )
        }
        return InMemoryJournal(new)
    }

    private static func progress(of slot: Slot, isSameBoot: Bool) -> RecoveredAttempt.Progress {
        let sentAt = slot.sentAt ?? slot.intent.startedAt
        if let answer = slot.answer { return .answered(answer, sentAt: sentAt) }
        return slot.sentAt == nil && isSameBoot ? .notSent : .sent(at: sentAt)
    }

    // MARK: What a test asks and sets

    package var calls: [Call] { self.state.withLock { $0.calls } }

    /// Puts something of the test's own into the list of calls.
    package func record(_ text: String) { self.state.withLock { $0.calls.append(.other(text)) } }

    /// How often a kind of call was made.
    package func count(where matches: (Call) -> Bool) -> Int { self.calls.count(where: matches) }

    package var mark: Revision { self.state.withLock { $0.mark } }

    package var openSlots: Int { self.state.withLock { $0.slots.values.count { !$0.isSetAside } } }

    package var setAsideCount: Int { self.state.withLock { $0.slots.values.count(where: \.isSetAside) } }

    /// What of an account is open, as the next process would find it.
    package func progress(of account: AccountID) -> RecoveredAttempt.Progress? {
        self.state.withLock { state in
            state.slots.values.first { $0.intent.account == account && !$0.isSetAside }
                .map { Self.progress(of: $0, isSameBoot: true) }
        }
    }

    /// Whether it says that no attempt may start.
    package var isUnhealthy: Bool {
        get { self.state.withLock { $0.isUnhealthy } }
        set { self.state.withLock { $0.isUnhealthy = newValue } }
    }

    /// Whether `begin` fails.
    package var failsBegin: Bool {
        get { self.state.withLock { $0.failsBegin } }
        set { self.state.withLock { $0.failsBegin = newValue } }
    }

    /// Whether `markSent` fails; nothing is marked then.
    package var failsMarkSent: Bool {
        get { self.state.withLock { $0.failsMarkSent } }
        set { self.state.withLock { $0.failsMarkSent = newValue } }
    }

    /// Whether `keep` fails; nothing is kept then.
    package var failsKeep: Bool {
        get { self.state.withLock { $0.failsKeep } }
        set { self.state.withLock { $0.failsKeep = newValue } }
    }

    /// Whether `sync` fails, and `begin` where it has to be durable.
    package var failsSync: Bool {
        get { self.state.withLock { $0.failsSync } }
        set { self.state.withLock { $0.failsSync = newValue } }
    }

    /// Whether `willTry` fails; nothing is counted then.
    package var failsWillTry: Bool {
        get { self.state.withLock { $0.failsWillTry } }
        set { self.state.withLock { $0.failsWillTry = newValue } }
    }

    /// How many slots there are: fewer than are open make it full.
    package var capacity: Int {
        get { self.state.withLock { $0.capacity } }
        set { self.state.withLock { $0.capacity = newValue } }
    }

    // MARK: The port

    package var isHealthy: Bool {
        self.state.withLock { !$0.isUnhealthy && !$0.failsSync && $0.slots.count < $0.capacity }
    }

    package func begin(_ intent: AttemptIntent, isDurable: Bool) async throws(JournalError) -> JournalSlot {
        try self.change { state throws(JournalError) in
            if state.failsBegin || (isDurable && state.failsSync) { throw .failed(detail: "the test says so") }
            guard state.slots.count < state.capacity else { throw .full }
            let index = (0...state.slots.count).first { state.slots[$0] == nil } ?? state.slots.count
            state.slots[index] = Slot(intent: intent)
            state.order.append(index)
            state.calls.append(.begin(intent.account, isDurable: isDurable))
            return JournalSlot(index: index)
        }
    }

    package func markSent(_ slot: JournalSlot, at moment: Timestamp) throws(JournalError) {
        try self.change(slot, failsIf: \.failsMarkSent, Call.markSent) { $0.sentAt = moment }
    }

    package func keep(_ answer: RawAnswer, in slot: JournalSlot) throws(JournalError) {
        try self.change(slot, failsIf: \.failsKeep, Call.keep) { $0.answer = answer }
    }

    package func sync(_ slot: JournalSlot) async throws(JournalError) {
        try self.change(slot, failsIf: \.failsSync, Call.sync) { _ in }
    }

    package func free(_ slots: [JournalSlot]) {
        self.state.withLock { state in
            for slot in slots {
                guard let old = state.slots[slot.index], !old.isSetAside else { continue }
                state.slots[slot.index] = nil
                state.order.removeAll { $0 == slot.index }
                state.calls.append(.free(old.intent.account))
            }
        }
    }

    package func note(_ revision: Revision) {
        self.state.withLock { state in
            state.mark = max(state.mark, revision)
            state.calls.append(.note(revision))
        }
    }

    package func recovered() -> [RecoveredAttempt] {
        self.state.withLock { state in
            defer { state.recovered = [] }
            return state.recovered
        }
    }

    package func willTry(_ slot: JournalSlot) throws(JournalError) {
        try self.change(slot, failsIf: \.failsWillTry, Call.willTry) { $0.tries += 1 }
    }

    package func wasRead(_ slot: JournalSlot) {
        self.state.withLock { $0.slots[slot.index]?.tries = 0 }
    }

    package func forget(_ account: AccountID) async throws(JournalError) {
        self.state.withLock { state in
            for (index, slot) in state.slots where slot.intent.account == account && slot.isSetAside {
                state.slots[index] = nil
                state.order.removeAll { $0 == index }
            }
            state.calls.append(.other("forget \(account)"))
        }
    }

    package func setAside(_ slot: JournalSlot) {
        try? self.change(slot, failsIf: nil, Call.setAside) { $0.isSetAside = true }
    }
}

extension InMemoryJournal {
    private func change<Value: Sendable>(
        _ body: (inout State) throws(JournalError) -> Value
    ) throws(JournalError) -> Value {
        try self.state.withLock { state -> Result<Value, JournalError> in
            do throws(JournalError) { return .success(try body(&state)) } catch { return .failure(error) }
        }.get()
    }

    private func change(
        _ slot: JournalSlot,
        failsIf isFailing: KeyPath<State, Bool>?,
        _ call: (AccountID) -> Call,
        _ body: (inout Slot) -> Void
    ) throws(JournalError) {
        try self.change { state throws(JournalError) in
            if let isFailing, state[keyPath: isFailing] { throw .failed(detail: "the test says so") }
            guard var open = state.slots[slot.index], !open.isSetAside else {
                throw .failed(detail: "the slot is not open")
            }
            body(&open)
            state.slots[slot.index] = open
            state.calls.append(call(open.intent.account))
        }
    }
}
