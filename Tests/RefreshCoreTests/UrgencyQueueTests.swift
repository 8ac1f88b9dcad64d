@testable import RefreshCore
import TestSupport
import Testing

@Suite struct UrgencyQueueTests {
    private let now = Timestamp(seconds: 1_000_000)

    private func urgency(_ random: inout SeededGenerator) -> UrgencyQueue.Urgency {
        let ends: [Timestamp?] = [nil, .epoch, Timestamp(milliseconds: .max), Timestamp(milliseconds: .min)]
        let near = self.now + .seconds(Int64.random(in: -9...9, using: &random))
        let demands: [LaneDemand] = [.schedule, .asked, .replay]
        return UrgencyQueue.Urgency(
            expiresAt: Bool.random(using: &random) ? near : ends.randomElement(using: &random) ?? nil,
            grantExpiresAt: Bool.random(using: &random)
                ? nil : self.now + .seconds(Int64.random(in: 0...9, using: &random) * 3_600),
            demand: demands.randomElement(using: &random) ?? .schedule,
            spends: Bool.random(using: &random)
        )
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `beside a plain list: the right one first, each once, equals in the order they came`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = UrgencyQueue()
        var model: [(slot: Int32, urgency: UrgencyQueue.Urgency)] = []
        func take(_ urgency: UrgencyQueue.Urgency?) {
            let index = model.firstIndex { $0.urgency == urgency }
            let slot = urgency.flatMap { queue.take($0) }
            #expect(slot == index.map { model[$0].slot }, "seed \(seed)")
            if let index { model.remove(at: index) }
        }
        for slot in 0..<300 as Range<Int32> {
            let urgency = self.urgency(&random)
            queue.push(slot, urgency)
            model.append((slot, urgency))
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                let first = queue.first()
                #expect(first == model.map(\.urgency).min(), "seed \(seed)")
                take(first)
            case 1:
                let first = queue.firstInTime(at: self.now)
                let inTime = model.map(\.urgency).filter { $0.isAsked || !$0.isLate(at: self.now) }
                #expect(first?.hope == inTime.map(\.hope).min(), "seed \(seed)")
                take(first)
            case 2:
                let last = queue.mostExpendable()
                #expect(last?.expendability == model.map(\.urgency.expendability).max(), "seed \(seed)")
                take(last)
            default:
                break
            }
            #expect(queue.count == model.count, "seed \(seed)")
        }
        while let first = queue.first() {
            #expect(first == model.map(\.urgency).min(), "seed \(seed)")
            take(first)
        }
        #expect(model.isEmpty && queue.count == 0, "seed \(seed)")
    }

    @Test func `it stays small however many come and go`() {
        var queue = UrgencyQueue()
        for number in 0..<5_000 {
            queue.push(0, UrgencyQueue.Urgency(expiresAt: Timestamp(seconds: Int64(number))))
            _ = queue.mostExpendable().flatMap { queue.take($0) }
            #expect(queue.footprint < 200)
        }
    }
}
