@testable import RefreshCore
import TestSupport
import Testing

@Suite struct LaneMachineTests {
    private let now = Timestamp(seconds: 1_000)

    private func lane(_ limits: LaneLimits = LaneLimits(), queued: Int = 0) -> LaneMachine {
        var lane = LaneMachine(limits: limits, phase: 0)
        lane.prove(at: self.now)
        for slot in 0..<queued { lane.enqueue(Int32(slot), expiresAt: self.now + .seconds(Int64(slot))) }
        return lane
    }

    private func urgent(_ slots: Int32..., then fill: (inout LaneMachine) -> Void) {
        var lane = self.lane(LaneLimits(concurrency: 100))
        fill(&lane)
        for slot in slots { #expect(lane.next(at: self.now) == .send(slot)) }
        #expect(lane.next(at: self.now) == .idle)
    }

    @Test func `whose token ends first goes first, and who has no end goes last`() {
        self.urgent(3, 4, 2, 1) { lane in
            lane.enqueue(1, expiresAt: nil)
            lane.enqueue(2, expiresAt: self.now + .seconds(20))
            lane.enqueue(3, expiresAt: self.now - .seconds(5))
            lane.enqueue(4, expiresAt: self.now + .seconds(10))
        }
    }

    @Test func `the remaining life of the grant comes first, then who is asked for, then the token (K02)`() {
        self.urgent(5, 3, 4, 2, 1, 6) { lane in
            lane.enqueue(1, expiresAt: self.now + .seconds(10), grantExpiresAt: self.now + .seconds(86_400))
            lane.enqueue(
                2,
                expiresAt: self.now + .seconds(20),
                grantExpiresAt: self.now + .seconds(86_400),
                demand: .asked
            )
            lane.enqueue(3, expiresAt: self.now + .seconds(900), grantExpiresAt: self.now + .seconds(3_600))
            lane.enqueue(4, expiresAt: self.now + .seconds(1), grantExpiresAt: self.now + .seconds(7_200))
            // What may run out within seconds comes before all of them.
            lane.enqueue(5, expiresAt: self.now + .seconds(9_000), demand: .replay)
            lane.enqueue(6, expiresAt: self.now, demand: .asked)
        }
    }

    @Test func `who falls due while many are late is not made late as well (F05)`() {
        self.urgent(9, 8, 0, 1, 2, 3) { lane in
            for slot in 0..<4 as Range<Int32> { lane.enqueue(slot, expiresAt: self.now - .seconds(100 - Int64(slot))) }
            lane.enqueue(8, expiresAt: self.now + .seconds(300))
            lane.enqueue(9, expiresAt: self.now - .seconds(50), demand: .asked)
        }
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
        #expect((49...50).contains(sent))
    }

    @Test func `Retry-After holds everybody back, and of two the longer counts`() {
        var lane = self.lane(queued: 4)
        for _ in 0..<2 { _ = lane.next(at: self.now) }
        lane.ended(.closed(for: .seconds(60)), at: self.now)
        lane.ended(.closed(for: .seconds(10)), at: self.now)
        #expect(lane.next(at: self.now) == .wait(until: self.now + .seconds(60)))
        #expect(lane.closedUntil(at: self.now) == self.now + .seconds(60))
        // Then one probe, of the one whose token lives longest (F03).
        #expect(lane.next(at: self.now + .seconds(60)) == .send(3))
        #expect(lane.next(at: self.now + .seconds(62)) == .idle)
        #expect(lane.closedUntil(at: self.now + .seconds(60)) == nil)
        lane.ended(.answered, of: 3, at: self.now + .seconds(60))
        #expect(lane.next(at: self.now + .seconds(60)) == .send(2))
    }

    @Test func `up to a tenth is added to what was asked for (F01)`() {
        for (phase, wait) in [(0, 120_000), (0.5, 126_000), (0.999, 131_988)] as [(Double, Int64)] {
            var lane = LaneMachine(limits: LaneLimits(), phase: phase)
            for slot in 0..<2 as Range<Int32> { lane.enqueue(slot, expiresAt: nil) }
            _ = lane.next(at: self.now)
            #expect(
                lane.ended(.closed(for: .seconds(120)), at: self.now)
                    == .asked(until: self.now + .milliseconds(wait))
            )
            #expect(lane.next(at: self.now) == .wait(until: self.now + .milliseconds(wait)))
        }
    }

    @Test func `an answer to what was sent before the gate closed does not open it`() {
        var lane = self.lane(queued: 8)
        for _ in 0..<3 { _ = lane.next(at: self.now) }
        lane.ended(.closed(for: .seconds(60)), of: 0, at: self.now)
        lane.ended(.answered, of: 1, at: self.now)
        #expect(lane.next(at: self.now) == .wait(until: self.now + .seconds(60)))
        let opens = self.now + .seconds(60)
        #expect(lane.next(at: opens) == .send(7))
        lane.ended(.answered, of: 2, at: opens)
        #expect(lane.next(at: opens) == .idle, "the probe alone decides")
        #expect(lane.breakerState(at: opens) == .halfOpen)
        lane.ended(.answered, of: 7, at: opens)
        #expect(lane.breakerState(at: opens) == .closed)
    }

    @Test func `an absurd Retry-After is brought within an hour, a negative one to a second`() {
        for (asked, kept) in [(Duration.seconds(1_000_000), Duration.seconds(3_600)), (.seconds(-5), .seconds(1))] {
            var lane = self.lane(queued: 2)
            _ = lane.next(at: self.now)
            lane.ended(.closed(for: asked), at: self.now)
            #expect(lane.next(at: self.now) == .wait(until: self.now + kept))
        }
    }

    @Test func `refusals of the client close the lane for longer each time, but together they are one (F10)`() {
        var lane = self.lane(LaneLimits(concurrency: 8), queued: 100)
        for _ in 0..<8 { _ = lane.next(at: self.now) }
        for _ in 0..<8 { lane.ended(.rejected, at: self.now) }
        var now = self.now
        for wait in [60, 1_800, 86_400, 86_400] as [Int64] {
            #expect(lane.stop(at: now) == .rejected(until: now + .seconds(wait)))
            #expect(lane.next(at: now) == .wait(until: now + .seconds(wait)))
            now = now + .seconds(wait)
            _ = lane.next(at: now)
            #expect(lane.next(at: now) == .wait(until: now + .seconds(2)), "one alone, until it is answered")
            lane.ended(.rejected, at: now)
        }
        now = now + .seconds(86_400)
        _ = lane.next(at: now)
        lane.ended(.answered, at: now)
        _ = lane.next(at: now)
        lane.ended(.rejected, at: now)
        #expect(lane.next(at: now) == .wait(until: now + .seconds(60)), "an answer ends the story")
    }

    @Test func `what is no token endpoint is asked again after a minute, then once an hour (F11)`() {
        var lane = self.lane(queued: 9)
        var now = self.now
        for wait in [60, 3_600, 3_600] as [Int64] {
            _ = lane.next(at: now)
            #expect(lane.ended(.estranged, at: now) == .estranged(until: now + .seconds(wait)))
            #expect(lane.next(at: now) == .wait(until: now + .seconds(wait)))
            now = now + .seconds(wait)
        }
    }

    @Test func `a client that nobody has accepted for a minute is tried by one alone`() {
        var lane = LaneMachine(limits: LaneLimits(), phase: 0)
        for slot in 0..<9 as Range<Int32> { lane.enqueue(slot, expiresAt: nil) }
        #expect(lane.next(at: self.now) == .send(0))
        #expect(lane.next(at: self.now) == .wait(until: self.now + LaneLimits().patience))
        lane.ended(.answered, of: 0, at: self.now)
        #expect(lane.next(at: self.now) == .send(1))
        #expect(lane.next(at: self.now) == .send(2))
        lane.ended(.answered, of: 1, at: self.now)
        lane.ended(.answered, of: 2, at: self.now)
        let later = self.now + LaneMachine.proofLasts
        #expect(lane.next(at: later) == .send(3))
        #expect(lane.next(at: later) == .wait(until: later + LaneLimits().patience))
        // Whoever refuses does so sooner than this.
        #expect(lane.next(at: later + LaneLimits().patience) == .send(4))
        #expect(lane.next(at: later + LaneLimits().patience) == .send(5))
    }

    @Test func `a provider in trouble gets one probe, and those that failed together do not lengthen the wait`() {
        var lane = self.lane(LaneLimits(concurrency: 32), queued: 100)
        for _ in 0..<32 { _ = lane.next(at: self.now) }
        for _ in 0..<32 { lane.ended(.trouble, at: self.now) }
        #expect(lane.breakerState(at: self.now) == .open)
        let opens = self.now + .seconds(1)
        #expect(lane.next(at: self.now) == .wait(until: opens))
        #expect(lane.next(at: opens) == .send(99))
        #expect(lane.next(at: opens) == .idle)
        lane.ended(.answered, at: opens)
        #expect(lane.breakerState(at: opens) == .closed)
        #expect(lane.next(at: opens) == .send(32))
    }

    @Test func `the probe is whose grant is missed least: not spent by use, not asked for, living longest`() {
        func probe(_ fill: (inout LaneMachine) -> Void) -> LaneMachine.Next {
            var lane = self.lane(LaneLimits(concurrency: 5), queued: 5)
            for _ in 0..<5 { _ = lane.next(at: self.now) }
            for _ in 0..<5 { lane.ended(.trouble, at: self.now) }
            fill(&lane)
            return lane.next(at: self.now + .seconds(1))
        }
        func end(_ seconds: Int64) -> Timestamp { self.now + .seconds(seconds) }
        #expect(
            probe { lane in
                lane.enqueue(10, expiresAt: end(9_000))
                lane.enqueue(11, expiresAt: end(1), spends: false)
                lane.enqueue(12, expiresAt: end(9_000), demand: .replay)
            } == .send(11)
        )
        #expect(
            probe { lane in
                lane.enqueue(10, expiresAt: end(20))
                lane.enqueue(11, expiresAt: end(30))
                lane.enqueue(12, expiresAt: end(9_000), demand: .asked)
                lane.enqueue(13, expiresAt: end(40), isRetry: true)
            } == .send(13)
        )
    }

    @Test func `trouble halves how many are under way, once for all that were sent into it (F02)`() {
        var lane = self.lane(LaneLimits(concurrency: 16), queued: 2_000)
        for _ in 0..<16 { _ = lane.next(at: self.now) }
        func underWay() -> Int {
            while case .send = lane.next(at: self.now) {}
            return lane.inFlight
        }
        for _ in 0..<4 { lane.ended(.trouble, at: self.now) }
        #expect(underWay() == 12, "eight may be, and twelve are")
        for _ in 0..<12 { lane.ended(.answered, at: self.now) }
        #expect(underWay() == 8)
        // One more for each clean round.
        for round in 8..<16 {
            for _ in 0..<round {
                lane.ended(.answered, at: self.now)
                _ = underWay()
            }
            #expect(underWay() == round + 1)
        }
        for _ in 0..<100 {
            lane.ended(.answered, at: self.now)
            #expect(underWay() == 16)
        }
    }

    @Test func `a request that was alone was not one too many`() {
        var lane = self.lane(LaneLimits(concurrency: 4), queued: 99)
        for _ in 0..<3 {
            #expect(lane.next(at: self.now) != .idle)
            lane.ended(.trouble, at: self.now)
        }
        for _ in 0..<4 { #expect(lane.next(at: self.now) != .idle) }
        #expect(lane.next(at: self.now) == .idle && lane.inFlight == 4)
    }

    @Test func `a place taken for nobody is given back, a probe's too`() {
        var lane = self.lane(LaneLimits(concurrency: 5), queued: 10)
        for _ in 0..<5 { _ = lane.next(at: self.now) }
        for _ in 0..<5 { lane.ended(.trouble, at: self.now) }
        let later = self.now + .seconds(1)
        #expect(lane.next(at: later) == .send(9))
        lane.skipped(9)
        #expect(lane.inFlight == 0)
        #expect(lane.next(at: later) == .send(8))
        lane.ended(.abandoned, of: 8, at: later)
        #expect(lane.next(at: later) == .send(7))
    }

    @Test func `new limits hold at once, and what is under way stays counted`() {
        var lane = self.lane(LaneLimits(concurrency: 3), queued: 9)
        for _ in 0..<2 { _ = lane.next(at: self.now) }
        lane.ended(.answered, at: self.now)
        lane.reconfigure(LaneLimits(concurrency: 2))
        #expect(lane.queued == 0 && lane.inFlight == 1)
        lane.enqueue(50, expiresAt: nil)
        lane.enqueue(51, expiresAt: nil)
        #expect(lane.next(at: self.now) == .send(50))
        #expect(lane.next(at: self.now) == .idle)
    }

    @Test func `a reload opens what it may have mended with one probe, and not what the provider asked for`() {
        var asked = self.lane(queued: 1)
        _ = asked.next(at: self.now)
        asked.ended(.closed(for: .seconds(600)), at: self.now)
        asked.reconfigure(LaneLimits(rate: 5))
        asked.enqueue(1, expiresAt: nil)
        #expect(asked.next(at: self.now) == .wait(until: self.now + .seconds(600)))

        var rejected = self.lane(queued: 1)
        _ = rejected.next(at: self.now)
        rejected.ended(.rejected, at: self.now)
        rejected.reconfigure(LaneLimits())
        for slot in 1...3 as ClosedRange<Int32> { rejected.enqueue(slot, expiresAt: nil) }
        #expect(rejected.next(at: self.now) == .send(1))
        #expect(rejected.next(at: self.now) != .send(2))
    }

    @Test func `a reload is no way around the rate`() {
        var lane = self.lane(LaneLimits(rate: 1), queued: 1)
        #expect(lane.next(at: self.now) == .wait(until: self.now + .seconds(1)), "one has proved the client")
        lane.reconfigure(LaneLimits(rate: 1, concurrency: 5))
        lane.enqueue(1, expiresAt: nil)
        #expect(lane.next(at: self.now) == .wait(until: self.now + .seconds(1)))
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
        var underWay: [Int32] = []
        var nextSlot: Int32 = 0
        for _ in 0..<1_000 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let end =
                    Bool.random(using: &random) ? now + .seconds(Int64.random(in: -100...100, using: &random)) : nil
                let demands: [LaneDemand] = [.schedule, .schedule, .asked, .replay]
                lane.enqueue(
                    nextSlot,
                    expiresAt: end,
                    grantExpiresAt: Bool.random(using: &random) ? nil : now + .seconds(100_000),
                    demand: demands.randomElement(using: &random) ?? .schedule,
                    isRetry: Bool.random(using: &random),
                    spends: Bool.random(using: &random)
                )
                waiting.insert(nextSlot)
                nextSlot += 1
            case 1:
                switch lane.next(at: now) {
                case .send(let slot):
                    #expect(waiting.remove(slot) != nil, "seed \(seed)")
                    underWay.append(slot)
                case .wait(let until):
                    #expect(until > now && until <= now + .seconds(100_000), "seed \(seed)")
                    now = Bool.random(using: &random) ? until : now
                case .idle:
                    #expect(waiting.isEmpty || !underWay.isEmpty, "seed \(seed): everybody waits for ever")
                }
            default:
                guard let slot = underWay.randomElement(using: &random) else { break }
                underWay.removeAll { $0 == slot }
                let effects: [LaneEffect] = [
                    .answered, .answered, .died, .trouble, .trouble, .closed(for: .seconds(5)), .rejected, .estranged,
                    .abandoned,
                ]
                lane.ended(effects.randomElement(using: &random) ?? .answered, of: slot, at: now)
                if case .massDeath? = lane.stop(at: now) { lane.release() }
            }
            #expect(lane.inFlight == underWay.count, "seed \(seed)")
            #expect(underWay.count <= lane.limits.concurrency, "seed \(seed)")
            #expect(lane.queued == waiting.count, "seed \(seed)")
        }
    }
}

extension LaneMachine {
    /// Makes the client one that was accepted just now.
    mutating func prove(at now: Timestamp) {
        self.enqueue(.max, expiresAt: nil)
        _ = self.next(at: now)
        self.ended(.answered, of: .max, at: now)
    }
}
