import RefreshCore
import TestSupport
import Testing

@testable import RotationJournal

/// What a file says when it was not written whole.
@Suite struct RecoveryTests {
    /// A life of one slot, and the file after each step.
    private static func life(_ rig: Rig, answerCount: Int) async throws -> [[UInt8]] {
        let journal = try rig.open()
        var snapshots = [try rig.folder.bytes("escrow")]
        func step(_ body: () async throws -> Void) async throws {
            try await body()
            snapshots.append(try rig.folder.bytes("escrow"))
        }
        for number in 1...2 {
            let slot = try await journal.begin(try intent(number), isDurable: false)
            snapshots.append(try rig.folder.bytes("escrow"))
            try await step { try journal.markSent(slot, at: Timestamp(milliseconds: 77)) }
            try await step { try journal.keep(answer(number, count: answerCount), in: slot) }
            try await step { try journal.willTry(slot) }
            try await step { try journal.willTry(slot) }
            if number == 1 {
                try await step { journal.free([slot]) }
            } else {
                try await step { journal.setAside(slot) }
            }
        }
        return snapshots
    }

    @Test(arguments: [40, 5_000])
    func `a write that was torn at any byte is there or is not there`(answerCount: Int) async throws {
        let rig = try Rig(slots: 4)
        let snapshots = try await Self.life(rig, answerCount: answerCount)
        for (before, after) in zip(snapshots, snapshots.dropFirst()) {
            let allowed = [try rig.read(before), try rig.read(after)]
            // Each byte for short ones; long ones by steps that hit every boundary but not every byte between.
            let differing = zip(before, after).enumerated().filter { $0.element.0 != $0.element.1 }.map(\.offset)
            let stride = max(1, differing.count / 400)
            for (index, position) in differing.enumerated() where index % stride == 0 || index < 100 {
                let torn = Array(after[..<position] + before[position...])
                let seen = try rig.read(torn)
                #expect(allowed.contains(seen), "torn at byte \(position)")
            }
        }
    }

    @Test func `a flipped byte makes less of an attempt and never something else`() async throws {
        let rig = try Rig(slots: 2)
        let whole = try await Self.life(rig, answerCount: 40)[3]
        let attempt = try intent(1)
        let moment = Timestamp(milliseconds: 77)
        let allowed: Set<[Seen]> = [
            [], [Seen(attempt, .notSent)], [Seen(attempt, .sent(moment))],
            [Seen(attempt, Seen.answered(answer(1), moment))],
            [Seen(attempt, Seen.answered(answer(1), attempt.startedAt))],
        ]
        var less = 0
        let start = rig.layout.position(ofSlot: 0)
        for position in start..<(start + rig.layout.slotSize) where whole[position] != 0 || position % 8 == 0 {
            var bytes = whole
            bytes[position] ^= 1 << UInt8(position % 8)
            let seen = try rig.read(bytes)
            #expect(allowed.contains(seen), "byte \(position)")
            // A damaged mark leaves no proof in the same boot but of what is there; what counts is that it is never invented.
            if seen != [Seen(attempt, Seen.answered(answer(1), moment))] { less += 1 }
        }
        #expect(less > 300)
    }

    @Test(arguments: [40, 5_000])
    func `sectors of different ages after a power cut never make an attempt that was not`(answerCount: Int) async throws
    {
        let rig = try Rig(slots: 4)
        let snapshots = try await Self.life(rig, answerCount: answerCount)
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        let attempts = [try intent(1), try intent(2)]
        for _ in 0..<300 {
            var bytes = snapshots[0]
            for sector in stride(from: SlotLayout.slotsStart, to: bytes.count, by: 512) {
                let source = snapshots.randomElement(using: &random) ?? bytes
                bytes.replaceSubrange(sector..<(sector + 512), with: source[sector..<(sector + 512)])
            }
            for seen in try rig.read(bytes, boot: "boot-2") {
                let number = try #require(attempts.firstIndex(of: seen.intent)) + 1
                switch seen.progress {
                case .notSent: Issue.record("not sent, in another boot; seed \(seed)")
                case .sent: break
                case .answered(_, _, let body, _):
                    #expect(body == answer(number, count: answerCount).body, "seed \(seed)")
                }
                #expect((0...2).contains(seen.tries), "seed \(seed)")
            }
        }
    }

    @Test func `any bytes are read or refused`() async throws {
        let rig = try Rig(slots: 2)
        let whole = try await Self.life(rig, answerCount: 40)[4]
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_500 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                // Into the heads of header, marks and records more often than anywhere else.
                let block = Int.random(in: 0..<(bytes.count / 256), using: &random) * 256
                let position = block + Int.random(in: 0..<(Bool.random(using: &random) ? 24 : 256), using: &random)
                bytes[position] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
            _ = try? rig.read(bytes)
        }
        for count in 0..<200 { _ = try? rig.read(Array(whole.prefix(count))) }
        _ = try? rig.read([])
    }

    @Test func `plaintext of any bytes is read or is none`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            let count = Int.random(in: 0...60, using: &random)
            let bytes = (0..<count).map { _ in
                UInt8.random(in: 0...(Bool.random(using: &random) ? 3 : 255), using: &random)
            }
            _ = Plaintext.intent(from: bytes)
            _ = Plaintext.answer(from: bytes)
            _ = Plaintext.AnswerHead(bytes)
        }
    }

    @Test func `an answer of an earlier use of the slot does not come back`() async throws {
        let rig = try Rig(slots: 1)
        let first = try rig.open()
        let slot = try await first.begin(try intent(1), isDurable: false)
        try first.markSent(slot, at: .epoch)
        try first.keep(answer(1), in: slot)
        let old = try rig.folder.bytes("escrow")
        first.free([slot])
        // Another process: its sequences must not begin where the first one's did.
        let second = try rig.open()
        _ = try await second.begin(try intent(2), isDurable: false)
        var bytes = try rig.folder.bytes("escrow")
        let start = rig.layout.position(ofSlot: 0)
        bytes.replaceSubrange((start + 1_024)..<(start + 4_096), with: old[(start + 1_024)..<(start + 4_096)])
        #expect(try rig.read(bytes) == [Seen(try intent(2), .notSent)])
    }
}
