import RefreshCore
import TestSupport
import Testing

@testable import RotationJournal

/// What a journal makes of its file after the power has failed, whichever of the last writes the disk had kept (catalogue
/// B22; invariants V1, V2 and V4 as far as the journal answers for them).
@Suite struct CrashImageTests {
    /// One attempt, and how much of it a power cut must leave.
    private struct Entry {
        var intent: AttemptIntent
        var sentAt: Timestamp?
        var answer: RawAnswer?
        var isFreed = false
        /// What was so at the last sync.
        var isIntentSafe = false
        var isMarkSafe = false
        var isAnswerSafe = false
        var isGone = false

        mutating func sync() {
            self.isIntentSafe = true
            self.isMarkSafe = self.sentAt != nil
            self.isAnswerSafe = self.answer != nil
            self.isGone = self.isFreed
        }
    }

    /// The journal's life beside what it has promised.
    private struct Model {
        var entries: [AttemptIntent: Entry] = [:]
        var open: [JournalSlot: AttemptIntent] = [:]
        var noted = Revision(0)
        var safelyNoted = Revision(0)

        mutating func synced() {
            for intent in self.entries.keys { self.entries[intent]?.sync() }
            self.safelyNoted = self.noted
        }

        /// Why an image breaks a promise; nil if it keeps all of them.
        func complaint(about recovery: Recovery) -> String? {
            guard recovery.mark.revision >= self.safelyNoted, recovery.mark.revision <= self.noted else {
                return "the mark is \(recovery.mark.revision)"
            }
            let found = recovery.attempts.map(Seen.init)
            guard Set(found.map(\.intent)).count == found.count else { return "an attempt is there twice" }
            for seen in found {
                guard let entry = self.entries[seen.intent], !entry.isGone else {
                    return "an attempt is there that is none"
                }
                if let complaint = Self.complaint(about: seen.progress, of: entry) { return complaint }
            }
            let missing = self.entries.values.contains { entry in
                entry.isIntentSafe && !entry.isFreed && !found.contains { $0.intent == entry.intent }
            }
            return missing ? "an attempt that was synced is not there" : nil
        }

        private static func complaint(about progress: Seen.Progress, of entry: Entry) -> String? {
            let moment: Timestamp
            switch progress {
            case .notSent: return "after a power cut nothing proves that an attempt was not sent"
            case .sent(let at):
                guard entry.isFreed || !entry.isAnswerSafe else { return "an answer that was synced is not there" }
                moment = at
            case .answered(_, _, _, let at):
                guard let answer = entry.answer, Seen.answered(answer, at) == progress else {
                    return "an answer is there that never came"
                }
                moment = at
            }
            let isMarkNeeded = entry.isMarkSafe && !entry.isFreed
            let allowed = isMarkNeeded ? [entry.sentAt] : [entry.sentAt, entry.intent.startedAt]
            return allowed.contains(moment) ? nil : "an attempt was sent at another time"
        }
    }

    @Test(arguments: [512, 4_096], 0..<4)
    func `whatever the disk kept of what was not synced, what was promised is there and nothing is invented`(
        sectorSize: Int,
        round: Int
    ) async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        var rig = try Rig(slots: 5)
        // Made and closed: what is looked at is a journal at work.
        _ = try rig.open()
        let disk = SectorDisk(try rig.folder.bytes("escrow"), sectorSize: sectorSize)
        rig.disk = disk
        let journal = try rig.open()
        var model = Model()
        for step in 1...60 {
            try await Self.step(step, journal, &model, &random)
            for image in disk.images(limit: 48, using: &random) {
                let recovery = try Recovery.read(bytes: image, store: Rig.store, sealer: rig.sealer, boot: "boot-2")
                let complaint = model.complaint(about: recovery)
                #expect(complaint == nil, "seed \(seed), step \(step)")
                guard complaint == nil else { return }
            }
        }
    }

    /// One call of the journal, any.
    private static func step(
        _ step: Int,
        _ journal: RotationJournal,
        _ model: inout Model,
        _ random: inout SeededGenerator
    ) async throws {
        let slot = model.open.keys.sorted { $0.index < $1.index }.randomElement(using: &random)
        let attempt = slot.flatMap { model.open[$0] }
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1, 2:
            let isDurable = Int.random(in: 0..<3, using: &random) == 0
            let intent = try intent(step)
            do throws(JournalError) {
                model.open[try await journal.begin(intent, isDurable: isDurable)] = intent
                model.entries[intent] = Entry(intent: intent)
                // One sync for all.
                if isDurable { model.synced() }
            } catch {
                #expect(error == .full)
            }
        case 3:
            guard let slot, let attempt, model.entries[attempt]?.sentAt == nil else { return }
            let moment = Timestamp(milliseconds: Int64(100_000 + step))
            try journal.markSent(slot, at: moment)
            model.entries[attempt]?.sentAt = moment
        case 4, 5, 6:
            guard let slot, let attempt, model.entries[attempt]?.answer == nil else { return }
            // A long one takes up a slot more.
            let answer = answer(step, count: [40, 5_000].randomElement(using: &random) ?? 0)
            do throws(JournalError) {
                try journal.keep(answer, in: slot)
                model.entries[attempt]?.answer = answer
            } catch {
                #expect(error == .full)
            }
        case 7:
            guard let slot else { return }
            try await journal.sync(slot)
            model.synced()
        case 8, 9, 10:
            guard let slot, let attempt else { return }
            journal.free([slot])
            model.open[slot] = nil
            model.entries[attempt]?.isFreed = true
        default:
            model.noted = Revision(Int64(step))
            journal.note(model.noted)
        }
    }
}
