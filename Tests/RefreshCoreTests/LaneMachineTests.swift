@testable import RefreshCore
import TestSupport
import Testing

@Suite struct LaneMachineTests {
    private let now = Timestamp(seconds: 1_000)

    private func lane(_ limits: LaneLimits = LaneLimits(), queued: Int = 0) -> LaneMachine {
        var lane = LaneMachine(limits: limits, phase: 0)
        for slot in 0..<queued { lane.enqueue(Int32(slot), expiresAt: self.now + .seconds(Int64(slot))) }
        return lane
    }

    @Test func `whose token ends first goes first, and who has no end goes last`() {
        var lane = LaneMachine(limits: LaneLimits(), phase: 0)
        lane.enqueue(1, expiresAt: nil)
        lane.enqueue(2, expiresAt: self.now + .seconds(20))
        lane.enqueue(3, expiresAt: self.now - .seconds(5))
        lane.enqueue(4, expiresAt: self.now + .seconds(10))
        for slot in [3, 4, 2, 1] as [Int32] { #expect(lane.next(at: self.now) == .send(slot)) }
        #expect(lane.next(at: self.now) == .idle)
    }

    @Test func `no more are under way than may be`() {
        var lane = self.lane(LaneLimits(concurrency: 2), queued: 3)
        #expect(lane.next(at: self.now) == .send(0))
        #expect(lane.next(at: self.now) == .send(1))
        #expect(lane.next(at: self.now) == .idle)
        lane.ended(.answered, at: self.now)
        #expect(lane.next(at: self.now) == .send(2))
        #expect(lane.inFlight == 2 && lane.queued == 0)
    }

    @Test func `a rate is kept, and the wait says when to come again`() {
        var lane = self.lane(LaneLimits(rate: 10, concurrency: 3), queued: 100)
        var now = self.now
        var sent = 0
        while now < self.now + .seconds(5) {
            switch lane.next(at: now) {
            case .send:
                sent += 1
                lane.ended(.answered, at: now)
            case .wait(let until):
                #expect(until > now)
                now = until
            case .idle:
                Issue.record("there is something to do")
                return
            }
        }
        #expect((50...53).contains(sent))
    }

    @Test func `Retry-After holds everybody back, and of two the longer counts`() {
        var lane = self.lane(queued: 4)
        for _ in 0..<2 { _ = lane.next(at: self.now) }
        lane.ended(.closed(for: .seconds(60)), at: self.now)
        lane.ended(.closed(for: .seconds(10)), at: self.now)
        #expect(lane.next(at: self.now) == .wait(until: self.now + .seconds(60)))
        #expect(lane.closedUntil(at: self.now) == self.now + .seconds(60))
        #expect(lane.next(at: self.now + .seconds(60)) == .send(2))
        #expect(lane.closedUntil(at: self.now + .seconds(60)) == nil)
    }

    @Test func `an absurd Retry-After is brought within an hour, a negative one to a second`() {
        for (asked, kept) in [(Duration.seconds(1_000_000), Duration.seconds(3_600)), (.seconds(-5), .seconds(1))] {
            var lane = self.lane(queued: 2)
            _ = lane.next(at: self.now)
            lane.ended(.closed(for: asked), at: self.now)
            #expect(lane.next(at: self.now) == .wait(until: self.now + kept))
        }
    }

    @Test func `refusals of the client close the lane for longer each time, but together they are one`() {
        var lane = self.lane(LaneLimits(concurrency: 8), queued: 100)
        for _ in 0..<8 { _ = lane.next(at: self.now) }
        for _ in 0..<8 { lane.ended(.rejected, at: self.now) }
        #expect(lane.next(at: self.now) == .wait(until: self.now + .seconds(30)))
        var now = self.now + .seconds(30)
        var last = Duration.seconds(30)
        for _ in 0..<10 {
            _ = lane.next(at: now)
            lane.ended(.rejected, at: now)
            guard case .wait(let until) = lane.next(at: now) else {
                Issue.record("the lane is open")
                return
            }
            #expect(until - now >= last)
            last = until - now
            now = until
        }
        #expect(last == .seconds(1_800))
        _ = lane.next(at: now)
        lane.ended(.answered, at: now)
        _ = lane.next(at: now)
        lane.ended(.rejected, at: now)
        #expect(lane.next(at: now) == .wait(until: now + .seconds(30)), "an answer ends the story")
    }

    @Test func `a provider in trouble gets one probe, and those that failed together do not lengthen the wait`() {
        var lane = self.lane(LaneLimits(concurrency: 32), queued: 100)
        for _ in 0..<32 { _ = lane.next(at: self.now) }
        for _ in 0..<32 { lane.ended(.trouble, at: self.now) }
        #expect(lane.breakerState(at: self.now) == .open)
        let opens = self.now + .milliseconds(500)
        #expect(lane.next(at: self.now) == .wait(until: opens))
        #expect(lane.next(at: opens) == .send(32))
        #expect(lane.next(at: opens) == .idle)
        lane.ended(.answered, at: opens)
        #expect(lane.breakerState(at: opens) == .closed)
        #expect(lane.next(at: opens) == .send(33))
    }

    @Test func `a place taken for nobody is given back, a probe's too`() {
        var lane = self.lane(LaneLimits(concurrency: 5), queued: 10)
        for _ in 0..<5 { _ = lane.next(at: self.now) }
        for _ in 0..<5 { lane.ended(.trouble, at: self.now) }
        let later = self.now + .seconds(1)
        #expect(lane.next(at: later) == .send(5))
        lane.skipped()
        #expect(lane.inFlight == 0)
        #expect(lane.next(at: later) == .send(6))
        lane.ended(.abandoned, at: later)
        #expect(lane.next(at: later) == .send(7))
    }

    @Test func `new limits begin anew, but what is under way stays counted`() {
        var lane = self.lane(LaneLimits(concurrency: 3), queued: 9)
        for _ in 0..<2 { _ = lane.next(at: self.now) }
        lane.ended(.closed(for: .seconds(600)), at: self.now)
        lane.reconfigure(LaneLimits(concurrency: 2))
        #expect(lane.queued == 0 && lane.inFlight == 1)
        lane.enqueue(50, expiresAt: nil)
        lane.enqueue(51, expiresAt: nil)
        #expect(lane.next(at: self.now) == .send(50))
        #expect(lane.next(at: self.now) == .idle)
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `beside a naive model: nobody is lost or sent twice, and every wait has an end`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var lane = LaneMachine(
            limits: LaneLimits(
                rate: Bool.random(using: &random) ? nil : Double.random(in: 1...50, using: &random),
                concurrency: Int.random(in: 1...6, using: &random)
            ),
            phase: Double.random(in: 0..<1, using: &random)
        )
        var now = self.now
        var waiting: Set<Int32> = []
        var underWay = 0
        var nextSlot: Int32 = 0
        for _ in 0..<1_000 {
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                let end =
                    Bool.random(using: &random) ? now + .seconds(Int64.random(in: -100...100, using: &random)) : nil
                lane.enqueue(nextSlot, expiresAt: end)
                waiting.insert(nextSlot)
                nextSlot += 1
            case 1:
                switch lane.next(at: now) {
                case .send(let slot):
                    #expect(waiting.remove(slot) != nil, "seed \(seed)")
                    underWay += 1
                case .wait(let until):
                    #expect(until > now && until <= now + .seconds(4_000), "seed \(seed)")
                    now = Bool.random(using: &random) ? until : now
                case .idle:
                    #expect(waiting.isEmpty || underWay > 0, "seed \(seed): everybody waits for ever")
                }
            default:
                guard underWay > 0 else { break }
                let effects: [LaneEffect] = [
                    .answered, .answered, .trouble, .closed(for: .seconds(5)), .rejected, .abandoned,
                ]
                lane.ended(effects.randomElement(using: &random) ?? .answered, at: now)
                underWay -= 1
            }
            #expect(lane.inFlight == underWay && underWay <= lane.limits.concurrency, "seed \(seed)")
            #expect(lane.queued == waiting.count, "seed \(seed)")
        }
    }
}

@Suite struct UrgencyQueueTests {
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `beside a sorted array: the most urgent comes first, each once`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = UrgencyQueue()
        var model: [Int32: Int64] = [:]
        for slot in 0..<600 as Range<Int32> {
            let urgency = [Int64.random(in: -20...20, using: &random), .max, .min].randomElement(using: &random) ?? 0
            queue.push(slot, urgency: urgency)
            model[slot] = urgency
            while Int.random(in: 0..<5, using: &random) < 2, let popped = queue.pop() {
                let least = model.values.min()
                #expect(model.removeValue(forKey: popped) == least, "seed \(seed)")
            }
            #expect(queue.count == model.count, "seed \(seed)")
        }
        while let popped = queue.pop() {
            let least = model.values.min()
            #expect(model.removeValue(forKey: popped) == least, "seed \(seed)")
        }
        #expect(model.isEmpty, "seed \(seed)")
    }
}
