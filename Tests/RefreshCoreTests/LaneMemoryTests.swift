@testable import RefreshCore
import TestSupport
import Testing

@Suite struct LaneMemoryTests {
    private let now = Timestamp(seconds: 1_700_000_000)

    /// The lane of the next process, with as many accounts as one could wish.
    private func restarted(_ lane: LaneMachine, at now: Timestamp) throws -> LaneMachine {
        let memory = try #require(LaneMemory(decoding: lane.memory().encoded()))
        var next = LaneMachine(limits: lane.limits, phase: 0)
        next.restore(memory, at: now)
        for slot in 0..<2_000 as Range<Int32> { next.enqueue(slot, expiresAt: nil) }
        return next
    }

    private func lane(_ limits: LaneLimits = LaneLimits()) -> LaneMachine {
        var lane = LaneMachine(limits: limits, phase: 0)
        lane.prove(at: self.now)
        for slot in 0..<100 as Range<Int32> { lane.enqueue(slot, expiresAt: nil) }
        return lane
    }

    @Test func `a wait that was asked for goes on, then one probe`() throws {
        var old = self.lane()
        _ = old.next(at: self.now)
        old.ended(.closed(for: .seconds(600)), at: self.now)
        var new = try self.restarted(old, at: self.now + .seconds(10))
        #expect(new.next(at: self.now + .seconds(10)) == .wait(until: self.now + .seconds(600)))
        let opens = self.now + .seconds(600)
        #expect(new.next(at: opens) != .wait(until: opens))
        #expect(new.breakerState(at: opens) == .halfOpen)
    }

    @Test func `a refused client stays one, and the next refusal is the second`() throws {
        var old = self.lane()
        _ = old.next(at: self.now)
        old.ended(.rejected, at: self.now)
        var new = try self.restarted(old, at: self.now)
        #expect(new.stop(at: self.now) == .rejected(until: self.now + .seconds(60)))
        let opens = self.now + .seconds(60)
        _ = new.next(at: opens)
        #expect(new.ended(.rejected, at: opens) == .rejected(until: opens + .seconds(1_800)))
    }

    @Test func `an open breaker stays open, and a lane that has stopped stays stopped`() throws {
        var troubled = self.lane()
        for _ in 0..<5 { _ = troubled.next(at: self.now) }
        for _ in 0..<5 { troubled.ended(.trouble, at: self.now) }
        var new = try self.restarted(troubled, at: self.now)
        #expect(new.next(at: self.now) == .wait(until: self.now + .seconds(1)))

        var dying = self.lane()
        for _ in 0..<20 {
            _ = dying.next(at: self.now)
            dying.ended(.died, at: self.now)
        }
        var stopped = try self.restarted(dying, at: self.now)
        #expect(stopped.stop(at: self.now) == .massDeath(deaths: 20))
        #expect(stopped.next(at: self.now + .seconds(1_000_000)) == .idle)
        stopped.release()
        #expect(stopped.next(at: self.now) == .send(0))
    }

    @Test func `deaths before a restart count after it`() throws {
        var lane = self.lane()
        var died = 0
        while died < 100, case .send = lane.next(at: self.now) {
            died += 1
            lane.ended(.died, at: self.now)
            lane = try self.restarted(lane, at: self.now)
        }
        #expect(died == 20)
    }

    @Test func `twenty restarts send no more than the rate allows (I09)`() throws {
        var lane = self.lane(LaneLimits(rate: 2))
        var now = self.now
        var sent = 0
        for _ in 0..<20 {
            lane = try self.restarted(lane, at: now)
            for _ in 0..<10 {
                if case .send = lane.next(at: now) { sent += 1 }
                now = now + .milliseconds(30)
            }
        }
        // Six seconds at two a second, less the one that proved the client.
        #expect((1...12).contains(sent))
    }

    @Test func `no moment holds a lane for longer than the rules allow, whatever the clock said (D05)`() throws {
        var old = self.lane(LaneLimits(rate: 1))
        for _ in 0..<9 { _ = old.next(at: self.now) }
        old.ended(.closed(for: .seconds(3_600)), at: self.now)
        let past = self.now - .seconds(86_400 * 365)
        var new = try self.restarted(old, at: past)
        guard case .wait(let until) = new.next(at: past) else {
            Issue.record("the gate is open")
            return
        }
        #expect(until <= past + .seconds(3_960))
        guard case .send = new.next(at: until + .seconds(1)) else {
            Issue.record("the lane is stuck")
            return
        }
    }

    @Test func `every memory is read back, and nothing else is read`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<200 {
            let memory = LaneMemory(
                gate: Timestamp(milliseconds: Int64.random(in: .min ... .max, using: &random)),
                gateReason: UInt8.random(in: 0...2, using: &random),
                refusals: Int.random(in: 0...9, using: &random),
                breakerFailures: Int.random(in: 0...9, using: &random),
                breakerUntil: Bool.random(using: &random) ? nil : self.now,
                isHalted: Bool.random(using: &random),
                deaths: (0..<Int.random(in: 0...9, using: &random)).map { self.now + .seconds(Int64($0)) },
                budgetWholeAt: self.now
            )
            let bytes = memory.encoded()
            #expect(LaneMemory(decoding: bytes) == memory)
            #expect(memory.shifted(by: .seconds(5)).shifted(by: .seconds(-5)).deaths == memory.deaths)
            #expect(LaneMemory(decoding: bytes.dropLast()) == nil)
            #expect(LaneMemory(decoding: bytes + [0]) == nil)
            #expect(LaneMemory(decoding: [2] + bytes.dropFirst()) == nil)
            var broken = bytes
            broken[Int.random(in: 0..<broken.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            if let read = LaneMemory(decoding: broken) {
                var lane = LaneMachine(limits: LaneLimits(rate: 5), phase: 0)
                lane.restore(read, at: self.now)
                lane.enqueue(1, expiresAt: nil)
                _ = lane.next(at: self.now)
            }
        }
        #expect(LaneMemory(decoding: []) == nil)
    }
}
