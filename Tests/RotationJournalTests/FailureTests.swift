import Glibc
import RefreshCore
import TestSupport
import Testing

@testable import RotationJournal

/// What happens when the system refuses something.
@Suite struct FailureTests {
    @Test func `after a failed sync everything is in a fresh file and the old one is never synced again`() async throws
    {
        let rig = try Rig()
        let journal = try rig.open()
        let slot = try await journal.begin(try intent(1), isDurable: false)
        try journal.markSent(slot, at: .epoch)
        try journal.keep(answer(1, count: 6_000), in: slot)
        journal.note(Revision(5))
        let opening = try #require(rig.files.events.last).opening
        rig.files.fail { $0.call == .syncData && $0.opening == opening ? EIO : nil }
        try await journal.sync(slot)
        #expect(journal.isHealthy)
        #expect(rig.files.events.count { $0.call == .syncData && $0.opening == opening } == 1)
        try await journal.sync(slot)
        let failedAt = try #require(rig.files.events.lastIndex { $0.call == .syncData && $0.opening == opening })
        let later = rig.files.events[(failedAt + 1)...].filter { [.syncData, .syncAll].contains($0.call) }
        #expect(!later.isEmpty)
        #expect(!later.contains { $0.opening == opening })
        #expect(rig.files.events.last.map { $0.opening != opening } == true)
        #expect(try rig.folder.contents().keys.sorted() == ["escrow"])

        let again = try rig.open()
        #expect(
            again.recovered().map(Seen.init) == [Seen(try intent(1), Seen.answered(answer(1, count: 6_000), .epoch))]
        )
        #expect(again.mark == Revision(5))
    }

    @Test func `when one folder fails the journal goes on in the other`() async throws {
        let rig = try Rig()
        let journal = try rig.open()
        let slot = try await journal.begin(try intent(1), isDurable: false)
        rig.files.fail { [path = rig.folder.path] in $0.path.hasPrefix(path) && $0.call != .unlink ? EIO : nil }
        try await journal.sync(slot)
        #expect(journal.isHealthy)
        #expect(journal.currentPath == rig.second.path("escrow"))
        #expect(!rig.folder.exists("escrow"))
        try journal.markSent(slot, at: .epoch)
        try journal.keep(answer(1), in: slot)
        try await journal.sync(slot)
        rig.files.heal()
        #expect(try rig.open().recovered().map(Seen.init) == [Seen(try intent(1), Seen.answered(answer(1), .epoch))])
    }

    @Test func `when both fail nothing may be spent, and what came is kept until one works again`() async throws {
        let rig = try Rig()
        let journal = try rig.open()
        let slot = try await journal.begin(try intent(1), isDurable: false)
        try journal.markSent(slot, at: .epoch)
        let unsent = try await journal.begin(try intent(2), isDurable: false)
        rig.files.fail { [.write, .syncData, .open].contains($0.call) ? EIO : nil }
        try journal.keep(answer(1), in: slot)
        await #expect(throws: JournalError.self) { try await journal.sync(slot) }
        #expect(!journal.isHealthy)
        #expect(throws: JournalError.self) { try journal.markSent(unsent, at: .epoch) }
        #expect(throws: JournalError.self) { try journal.keep(answer(1), in: slot) }
        await #expect(throws: JournalError.self) { try await journal.begin(try intent(3), isDurable: false) }
        #expect(journal.openSlots == 2)

        // Not tried again before a second has gone, however often it is asked.
        rig.files.heal()
        let opened = rig.files.count(.open)
        for _ in 0..<5 {
            _ = journal.isHealthy
            await #expect(throws: JournalError.self) { try await journal.sync(slot) }
        }
        #expect(rig.files.count(.open) == opened)
        rig.clock.advance(by: .seconds(1))
        try await journal.sync(slot)
        #expect(journal.isHealthy)
        let seen = try rig.open().recovered().map(Seen.init)
        #expect(seen.map(\.intent) == [try intent(1), try intent(2)])
        #expect(seen.first?.progress == Seen.answered(answer(1), .epoch))
    }

    @Test func `asking for health alone brings a journal back`() async throws {
        let rig = try Rig()
        let journal = try rig.open()
        rig.files.fail { [.syncData, .open].contains($0.call) ? EIO : nil }
        await #expect(throws: JournalError.self) { try await journal.begin(try intent(1), isDurable: true) }
        #expect(journal.openSlots == 0)
        rig.files.heal()
        rig.clock.advance(by: .seconds(2))
        while !journal.isHealthy { await Task.yield() }
    }

    @Test func `a write that was refused is written into a fresh file before the attempt begins`() async throws {
        let rig = try Rig()
        let journal = try rig.open()
        let opening = try #require(rig.files.events.last).opening
        rig.files.fail { $0.call == .write && $0.opening == opening ? EIO : nil }
        _ = try await journal.begin(try intent(1), isDurable: false)
        #expect(journal.isHealthy)
        #expect(try rig.open().recovered().map(Seen.init) == [Seen(try intent(1), .notSent)])
    }

    @Test func `a mark that cannot be written stops the attempt`() async throws {
        let rig = try Rig()
        let journal = try rig.open()
        let slot = try await journal.begin(try intent(1), isDurable: false)
        rig.files.fail { $0.call == .write ? EIO : nil }
        #expect(throws: JournalError.self) { try journal.markSent(slot, at: .epoch) }
    }

    @Test func `killed at any write of freeing, a slot never looks as if it had not been sent`() async throws {
        for written in 0..<5 {
            let rig = try Rig()
            let journal = try rig.open()
            let slot = try await journal.begin(try intent(1), isDurable: false)
            try journal.markSent(slot, at: .epoch)
            try journal.keep(answer(1, count: 5_000), in: slot)
            let countdown = Countdown(written)
            rig.files.fail { event in
                switch event.call {
                case .open: EIO
                case .write: countdown.tick() ? nil : EIO
                default: nil
                }
            }
            journal.free([slot])
            let seen = try rig.read(try rig.folder.bytes("escrow"))
            #expect(!seen.contains { $0.progress == .notSent }, "after \(written) writes")
            #expect(seen.isEmpty == (written > 0))
        }
    }

    @Test func `short and interrupted writes are carried on`() async throws {
        let rig = try Rig()
        rig.files.limitWrites(to: 700)
        let interruptions = Countdown(3)
        let journal = try rig.open()
        rig.files.fail { $0.call == .write && interruptions.tick() ? EINTR : nil }
        let slot = try await journal.begin(try intent(1), isDurable: false)
        try journal.markSent(slot, at: .epoch)
        try journal.keep(answer(1, count: 5_000), in: slot)
        #expect(
            try rig.open().recovered().map(Seen.init)
                == [Seen(try intent(1), Seen.answered(answer(1, count: 5_000), .epoch))]
        )
    }

    @Test func `a journal that cannot be made anywhere says so, and leaves nothing`() throws {
        let rig = try Rig()
        rig.files.fail { $0.call == .syncAll ? ENOSPC : nil }
        let error = #expect(throws: JournalOpeningError.self) { try rig.open() }
        #expect(error.map { "\($0)".contains(rig.path) } == true)
        #expect(try rig.folder.contents().isEmpty)
        #expect(try rig.second.contents().isEmpty)
    }

    @Test func `what is open can be recovered though nothing can be written any more`() async throws {
        let rig = try Rig()
        let journal = try rig.open()
        let slot = try await journal.begin(try intent(1), isDurable: false)
        try journal.keep(answer(1), in: slot)
        rig.files.fail { [.write, .syncData, .syncAll, .rename].contains($0.call) ? EROFS : nil }
        let again = try rig.open()
        #expect(again.recovered().count == 1)
        #expect(!again.isHealthy)
    }

    @Test func `every single failure leaves what was open before it`() async throws {
        // Counts the calls of a life with a move in it, and fails each of them in turn.
        for failing in 0..<60 {
            let rig = try Rig(slots: 4)
            let journal = try rig.open()
            let slot = try await journal.begin(try intent(1), isDurable: true)
            try journal.markSent(slot, at: .epoch)
            try journal.keep(answer(1), in: slot)
            try await journal.sync(slot)
            let countdown = Countdown(failing)
            let first = rig.files.events.count
            rig.files.fail { event in
                if event.call == .syncData { return EIO }
                return countdown.passes() ? nil : EIO
            }
            try? await journal.sync(slot)
            rig.files.heal()
            let again = try rig.open()
            #expect(
                again.recovered().map(Seen.init) == [Seen(try intent(1), Seen.answered(answer(1), .epoch))],
                "call \(failing)"
            )
            if rig.files.events.count - first < failing { break }
        }
    }
}
