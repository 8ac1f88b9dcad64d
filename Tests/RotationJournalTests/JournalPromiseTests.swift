import Logging
import RefreshCore
import TestSupport
import Testing

@testable import RotationJournal

/// What every journal promises: the one in a file, and the one that tests use.
@Suite struct JournalPromiseTests {
    enum Kind: CaseIterable, Sendable { case file, memory }

    /// A journal that can be found again by the next process.
    final class Subject {
        var journal: any AttemptJournal
        private var rig: Rig

        init(_ kind: Kind, capacity: Int = 8) throws {
            self.rig = try Rig(slots: capacity)
            self.journal =
                switch kind {
                case .file: try self.rig.open()
                case .memory: InMemoryJournal(capacity: capacity)
                }
        }

        func restart(isSameBoot: Bool = true) throws -> [Seen] {
            if !isSameBoot { self.rig.boot += "-next" }
            if let memory = self.journal as? InMemoryJournal {
                self.journal = memory.afterRestart(isSameBoot: isSameBoot)
            } else {
                self.journal = try self.rig.open()
            }
            return self.journal.recovered().map(Seen.init)
        }
    }

    private let sentAt = Timestamp(milliseconds: 5_000)

    @Test(arguments: Kind.allCases)
    func `what is open is found again, in the order in which it began`(kind: Kind) async throws {
        let subject = try Subject(kind)
        var slots: [JournalSlot] = []
        for number in 1...4 {
            slots.append(try await subject.journal.begin(try intent(number), isDurable: number == 2))
        }
        try subject.journal.markSent(slots[1], at: self.sentAt)
        try subject.journal.markSent(slots[2], at: self.sentAt)
        try subject.journal.keep(answer(3), in: slots[2])
        try await subject.journal.sync(slots[2])
        subject.journal.free([slots[0]])
        let fifth = try await subject.journal.begin(try intent(5), isDurable: false)
        #expect(fifth == slots[0])

        #expect(
            try subject.restart() == [
                Seen(try intent(2), .sent(self.sentAt)), Seen(try intent(3), Seen.answered(answer(3), self.sentAt)),
                Seen(try intent(4), .notSent), Seen(try intent(5), .notSent),
            ]
        )
        #expect(subject.journal.recovered().isEmpty)
    }

    @Test(arguments: Kind.allCases)
    func `an intent of another boot counts as sent, mark or not`(kind: Kind) async throws {
        let subject = try Subject(kind)
        _ = try await subject.journal.begin(try intent(1), isDurable: true)
        #expect(try subject.restart() == [Seen(try intent(1), .notSent)])
        #expect(try subject.restart(isSameBoot: false) == [Seen(try intent(1), .sent(try intent(1).startedAt))])
    }

    @Test(arguments: Kind.allCases)
    func `recovery that is started again finds the same`(kind: Kind) async throws {
        let subject = try Subject(kind)
        let slot = try await subject.journal.begin(try intent(1), isDurable: false)
        try subject.journal.markSent(slot, at: self.sentAt)
        try subject.journal.keep(answer(1), in: slot)
        let first = try subject.restart()
        #expect(try subject.restart() == first)
        #expect(try subject.restart() == first)
        subject.journal.free([slot])
        #expect(try subject.restart().isEmpty)
    }

    @Test(arguments: Kind.allCases)
    func `tries are counted over starts, and what is set aside is not found again`(kind: Kind) async throws {
        let subject = try Subject(kind, capacity: 2)
        let slot = try await subject.journal.begin(try intent(1), isDurable: false)
        try subject.journal.keep(answer(1), in: slot)
        for tries in 1...3 {
            try subject.journal.willTry(slot)
            #expect(try subject.restart().map(\.tries) == [tries])
        }
        subject.journal.setAside(slot)
        #expect(try subject.restart().isEmpty)
        // Neither freed nor handed out.
        subject.journal.free([slot])
        let other = try await subject.journal.begin(try intent(2), isDurable: false)
        #expect(other != slot)
        await #expect(throws: JournalError.full) { try await subject.journal.begin(try intent(3), isDurable: false) }
        #expect(!subject.journal.isHealthy)
        subject.journal.free([other])
        #expect(subject.journal.isHealthy)
    }

    @Test(arguments: Kind.allCases)
    func `a slot that was freed takes nothing more`(kind: Kind) async throws {
        let subject = try Subject(kind)
        let slot = try await subject.journal.begin(try intent(1), isDurable: false)
        subject.journal.free([slot, slot])
        #expect(throws: JournalError.self) { try subject.journal.markSent(slot, at: .epoch) }
        #expect(throws: JournalError.self) { try subject.journal.keep(answer(1), in: slot) }
        #expect(try subject.restart().isEmpty)
    }
}
