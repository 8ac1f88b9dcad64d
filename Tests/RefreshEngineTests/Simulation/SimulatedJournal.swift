import RefreshCore
@testable import RefreshEngine
import Synchronization
import TestSupport

/// The attempt journal as one simulated process sees it; what is in it outlives the process.
final class SimulatedJournal: AttemptJournal {
    private let world: World
    private let clock: SimulatedClock
    /// What survives.
    private let file: InMemoryJournal
    private let accounts = Mutex<[JournalSlot: AccountID]>([:])

    private static let refusal = JournalError.failed(detail: "the simulation's weather")

    init(world: World, clock: SimulatedClock, file: InMemoryJournal) {
        self.world = world
        self.clock = clock
        self.file = file
    }

    private var weather: JournalWeather { self.world.state.withLock { $0.journalWeather } }

    var isHealthy: Bool { self.weather == .clear && self.file.isHealthy }

    func begin(_ intent: AttemptIntent, isDurable: Bool) async throws(JournalError) -> JournalSlot {
        if isDurable {
            await self.clock.pause(for: .milliseconds(self.world.draw { Int64.random(in: 1...8, using: &$0) }))
        }
        guard !self.clock.isOver else { throw Self.refusal }
        switch self.weather {
        case .clear, .unkept: break
        case .full: throw .full
        case .failing: throw Self.refusal
        }
        let slot = try await self.file.begin(intent, isDurable: isDurable)
        self.accounts.withLock { $0[slot] = intent.account }
        return slot
    }

    func markSent(_ slot: JournalSlot, at moment: Timestamp) throws(JournalError) {
        guard !self.clock.isOver, self.weather != .failing else { throw Self.refusal }
        try self.file.markSent(slot, at: moment)
    }

    func keep(_ answer: RawAnswer, in slot: JournalSlot) throws(JournalError) {
        guard !self.clock.isOver else { throw Self.refusal }
        switch self.weather {
        case .clear, .full: try self.file.keep(answer, in: slot)
        case .failing, .unkept:
            if let account = self.accounts.withLock({ $0[slot] }) { self.world.unkept(account) }
            throw Self.refusal
        }
    }

    func sync(_ slot: JournalSlot) async throws(JournalError) {
        await self.clock.pause(for: .milliseconds(self.world.draw { Int64.random(in: 0...5, using: &$0) }))
        guard !self.clock.isOver, self.weather != .failing else { throw Self.refusal }
        try await self.file.sync(slot)
    }

    func free(_ slots: [JournalSlot]) {
        guard !self.clock.isOver else { return }
        self.file.free(slots)
    }

    func note(_ revision: Revision) {
        guard !self.clock.isOver else { return }
        self.file.note(revision)
    }

    func recovered() -> [RecoveredAttempt] {
        let recovered = self.file.recovered()
        guard self.world.flaw != .journalForgets else {
            self.file.free(recovered.map(\.slot))
            return []
        }
        self.accounts.withLock { accounts in
            for attempt in recovered { accounts[attempt.slot] = attempt.intent.account }
        }
        return recovered
    }

    func willTry(_ slot: JournalSlot) throws(JournalError) {
        guard !self.clock.isOver, self.weather != .failing else { throw Self.refusal }
        try self.file.willTry(slot)
    }

    func wasRead(_ slot: JournalSlot) {
        guard !self.clock.isOver else { return }
        self.file.wasRead(slot)
    }

    func forget(_ account: AccountID) async throws(JournalError) {
        guard !self.clock.isOver else { throw Self.refusal }
        try await self.file.forget(account)
    }

    func setAside(_ slot: JournalSlot) {
        guard !self.clock.isOver else { return }
        self.file.setAside(slot)
    }
}
