import Dispatch
import Glibc
import RefreshCore
import TestSupport
import Testing

@testable import RotationJournal

/// The journal beside a dictionary, through random steps, kills, power-ups and failing disks.
@Suite struct JournalModelTests {
    private struct Entry {
        var intent: AttemptIntent
        var boot: String
        var sentAt: Timestamp?
        var answer: RawAnswer?
        var tries = 0

        func seen(boot: String) -> Seen {
            let moment = self.sentAt ?? self.intent.startedAt
            if let answer = self.answer { return Seen(self.intent, Seen.answered(answer, moment), tries: self.tries) }
            let isProved = self.sentAt == nil && self.boot == boot
            return Seen(self.intent, isProved ? .notSent : .sent(moment), tries: self.tries)
        }
    }

    @Test(arguments: 0..<12)
    func `recovery agrees with a model`(round: Int) async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        var rig = try Rig(slots: 12)
        var journal = try rig.open()
        var open: [JournalSlot: Entry] = [:]
        var order: [JournalSlot] = []
        var aside = 0
        var next = 1
        for step in 0..<160 {
            let slot = order.randomElement(using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0, 1, 2:
                let intent = try intent(next)
                do throws(JournalError) {
                    let slot = try await journal.begin(intent, isDurable: step % 7 == 0)
                    open[slot] = Entry(intent: intent, boot: rig.boot)
                    order.append(slot)
                    next += 1
                } catch {
                    #expect(error == .full, "seed \(seed)")
                }
            case 3:
                guard let slot else { continue }
                let moment = Timestamp(milliseconds: Int64(step))
                try journal.markSent(slot, at: moment)
                open[slot]?.sentAt = moment
            case 4, 5:
                guard let slot else { continue }
                let answer = answer(step, count: [0, 30, 1_700, 9_000].randomElement(using: &random) ?? 0)
                do throws(JournalError) {
                    try journal.keep(answer, in: slot)
                    open[slot]?.answer = answer
                } catch {
                    #expect(error == .full, "seed \(seed)")
                }
            case 6:
                guard let slot else { continue }
                try journal.willTry(slot)
                open[slot]?.tries += 1
            case 7 where aside < 3 && step % 3 == 0:
                guard let slot else { continue }
                journal.setAside(slot)
                aside += 1
                order.removeAll { $0 == slot }
                open[slot] = nil
            case 8:
                guard let slot else { continue }
                journal.free([slot])
                order.removeAll { $0 == slot }
                open[slot] = nil
            case 9:
                guard let slot else { continue }
                // A disk that fails at the next sync, in one place or the other.
                let path = Bool.random(using: &random) ? rig.folder.path : rig.second.path
                rig.files.fail { $0.call == .syncData && $0.path.hasPrefix(path) ? EIO : nil }
                try await journal.sync(slot)
                rig.files.heal()
            case 10:
                // Killed: in the same boot or not, with as many slots or not. What is killed does nothing any more, and the
                // queue of this one would.
                journal.queue.sync {}
                if Bool.random(using: &random) { rig.boot = "boot-\(step)" }
                if Int.random(in: 0..<4, using: &random) == 0 { rig.slots = Int.random(in: 8...16, using: &random) }
                journal = try rig.open()
                let recovered = journal.recovered()
                #expect(
                    recovered.map(Seen.init) == order.map { open[$0]?.seen(boot: rig.boot) },
                    "seed \(seed), step \(step)"
                )
                #expect(journal.setAsideCount == aside, "seed \(seed), step \(step)")
                // Slots may have other numbers now.
                let entries = order.map { open[$0] }
                order = recovered.map(\.slot)
                open = [:]
                for (slot, entry) in zip(order, entries) { open[slot] = entry }
            default:
                journal.note(Revision(Int64(step)))
            }
            #expect(journal.openSlots == open.count, "seed \(seed), step \(step)")
        }
    }
}
