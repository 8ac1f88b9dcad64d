import Testing
import TimerWheel

@Suite struct TimerWheelTests {
    /// The last tick of every level's ring, seen from tick 0, with the ticks around it.
    static let edges: [UInt64] = (0..<13).flatMap { level -> [UInt64] in
        let length: UInt64 = level == 12 ? .max : (64 << (5 * UInt64(level))) - 1
        return [length &- 1, length, length &+ 1].filter { $0 > 1 }
    }

    @Test func `an idle wheel has nothing next`() {
        var wheel = TimerWheel(now: 5)
        #expect(wheel.nextTick == nil)
        #expect(wheel.nextDeadline == nil)
        #expect(wheel.count == 0)
        #expect(collect(&wheel, to: 1_000) == [])
        #expect(wheel.now == 1_000)
    }

    @Test(arguments: edges) func `a timer fires at its tick and not a tick before`(deadline: UInt64) {
        var wheel = TimerWheel(now: 0)
        wheel.insert(7, at: deadline)
        #expect(wheel.nextTick == deadline)
        #expect(wheel.nextDeadline == deadline)
        #expect(collect(&wheel, to: deadline - 1) == [])
        #expect(wheel.count == 1)
        #expect(collect(&wheel, to: deadline) == [7])
        #expect(wheel.count == 0)
        #expect(wheel.nextTick == nil)
    }

    @Test(arguments: edges) func `a timer set from an odd tick fires at its tick`(distance: UInt64) {
        for now: UInt64 in [1, 31, 32, 33, 63, 1_023, 1_048_575, 123_456_789] {
            let deadline = now.addingReportingOverflow(distance).overflow ? .max : now + distance
            var wheel = TimerWheel(now: now)
            wheel.insert(0, at: deadline)
            #expect(wheel.checkInvariants() == nil)
            #expect(collect(&wheel, to: deadline - 1) == [])
            #expect(wheel.checkInvariants() == nil)
            #expect(collect(&wheel, to: deadline) == [0])
        }
    }

    @Test(arguments: [0, 99, 100] as [UInt64]) func `a tick not after now fires at the next advance`(tick: UInt64) {
        var wheel = TimerWheel(now: 100)
        wheel.insert(3, at: tick)
        #expect(wheel.deadline(of: 3) == 100)
        #expect(wheel.nextTick == 100)
        #expect(collect(&wheel, to: 100) == [3])
    }

    @Test func `an advance to an earlier tick does not turn back but fires what is overdue`() {
        var wheel = TimerWheel(now: 100)
        wheel.insert(1, at: 50)
        wheel.insert(2, at: 101)
        #expect(collect(&wheel, to: 7) == [1])
        #expect(wheel.now == 100)
        #expect(wheel.deadline(of: 2) == 101)
    }

    @Test func `the last tick of all is held and fires`() {
        var wheel = TimerWheel(now: 1)
        wheel.insert(0, at: .max)
        wheel.insert(1, at: .max - 1)
        #expect(collect(&wheel, to: .max - 1) == [1])
        wheel.insert(2, at: .max)
        #expect(Set(collect(&wheel, to: .max)) == [0, 2])
        wheel.insert(3, at: .max)
        #expect(collect(&wheel, to: .max) == [3])
        #expect(wheel.checkInvariants() == nil)
    }

    @Test func `the tick set last is the one that counts`() {
        var wheel = TimerWheel(now: 0)
        wheel.insert(4, at: 10)
        wheel.insert(4, at: 5_000)
        #expect(wheel.count == 1)
        #expect(collect(&wheel, to: 4_999) == [])
        wheel.insert(4, at: 5_001)
        wheel.insert(4, at: 5_000)
        #expect(collect(&wheel, to: 5_000) == [4])
    }

    @Test func `a removed timer does not fire`() {
        var wheel = TimerWheel(now: 0)
        for id in 0..<5 as Range<Int32> { wheel.insert(id, at: 70) }
        // First, inner and last of one list.
        #expect(wheel.remove(4) == true)
        #expect(wheel.remove(2) == true)
        #expect(wheel.remove(0) == true)
        #expect(wheel.deadline(of: 2) == nil)
        #expect(wheel.checkInvariants() == nil)
        #expect(Set(collect(&wheel, to: 70)) == [1, 3])
    }

    @Test func `removing what is not waiting is no error`() {
        var wheel = TimerWheel(now: 0, capacity: 2)
        #expect(wheel.remove(0) == false)
        #expect(wheel.remove(2) == false)
        #expect(wheel.remove(.max) == false)
        #expect(wheel.remove(-1) == false)
        #expect(wheel.remove(.min) == false)
        #expect(wheel.deadline(of: -1) == nil)
        wheel.insert(0, at: 1)
        #expect(wheel.remove(0) == true)
        #expect(wheel.remove(0) == false)
    }

    @Test func `ids beyond the capacity are welcome`() {
        var wheel = TimerWheel(now: 0, capacity: 1)
        for id in [0, 1, 2, 1_000, 65_536] as [Int32] { wheel.insert(id, at: UInt64(id)) }
        #expect(wheel.checkInvariants() == nil)
        #expect(collect(&wheel, to: 65_536) == [0, 1, 2, 1_000, 65_536])
    }

    @Test func `a coarse slot with one timer takes one wake-up`() {
        var wheel = TimerWheel(now: 0)
        wheel.insert(0, at: 98_765_432_123)
        wheel.insert(1, at: 98_765_432_124)
        var wakes: [UInt64] = []
        var due: [Int32] = []
        while let tick = wheel.nextTick {
            wakes.append(tick)
            while wheel.advance(to: tick, into: &due) {}
        }
        #expect(wakes == [98_765_432_123, 98_765_432_124])
        #expect(due == [0, 1])
    }

    @Test func `the alarm may be early after a removal, the deadline is not`() {
        var wheel = TimerWheel(now: 0)
        wheel.insert(0, at: 100_000)
        wheel.insert(1, at: 100_100)
        wheel.remove(0)
        #expect(wheel.nextDeadline == 100_100)
        #expect(wheel.nextTick.map { $0 <= 100_100 } == true)
        // One early wake-up puts the slot in order.
        #expect(collect(&wheel, to: 100_000) == [])
        #expect(wheel.nextTick == 100_100)
    }

    /// Runs an advance with a limit, checking after each call.
    private func calls(_ wheel: inout TimerWheel, to tick: UInt64, limit: Int) -> (calls: Int, due: [Int32]) {
        var due: [Int32] = []
        var calls = 1
        while wheel.advance(to: tick, limit: limit, into: &due) {
            calls += 1
            #expect(wheel.checkInvariants() == nil)
        }
        return (calls, due)
    }

    @Test func `no call touches more timers than its limit`() {
        var wheel = TimerWheel(now: 0)
        for id in 0..<1_000 as Range<Int32> { wheel.insert(id, at: 40_000) }
        wheel.insert(1_000, at: 40_001)
        let first = self.calls(&wheel, to: 40_000, limit: 10)
        #expect(first.calls >= 100)
        #expect(first.due.count == 1_000)
        #expect(Set(first.due).count == 1_000)
        #expect(self.calls(&wheel, to: 40_001, limit: 10).due == [1_000])
    }

    @Test func `a full slot is moved ahead of need`() {
        // 10,000 timers in a coarse slot. The wheel turns every 20 ticks with a small limit, and by the time the slot
        // begins, none of its timers is left where a single wake-up would have to move all of them.
        var wheel = TimerWheel(now: 0)
        for id in 0..<10_000 as Range<Int32> { wheel.insert(id, at: 65_536 + UInt64(id) * 3) }
        var due: [Int32] = []
        var mostCalls = 0
        for now in stride(from: 0 as UInt64, through: 100_000, by: 20) {
            var calls = 1
            while wheel.advance(to: now, limit: 64, into: &due) { calls += 1 }
            mostCalls = max(mostCalls, calls)
        }
        #expect(due == Array(0..<10_000))
        #expect(mostCalls <= 2)
    }

    @Test func `a wheel may be changed between the calls of an unfinished advance`() {
        var wheel = TimerWheel(now: 0)
        for id in 0..<100 as Range<Int32> { wheel.insert(id, at: 10_000) }
        for id in 100..<200 as Range<Int32> { wheel.insert(id, at: 10_001) }
        var due: [Int32] = []
        let more = wheel.advance(to: 20_000, limit: 30, into: &due)
        #expect(more)
        for id in 0..<50 as Range<Int32> { wheel.remove(id) }
        wheel.insert(150, at: 30_000)
        wheel.insert(300, at: 0)
        wheel.insert(301, at: 20_000)
        wheel.insert(302, at: 20_001)
        #expect(wheel.checkInvariants() == nil)
        let firedBefore = Set(due)
        while wheel.advance(to: 20_000, limit: 1, into: &due) {}
        let expected = Set(50..<200).subtracting([150]).union([300, 301]).union(firedBefore)
        #expect(Set(due) == expected)
        #expect(due.count == expected.count)
        #expect(due.last == 301)
        #expect(wheel.nextDeadline == 20_001)
        #expect(wheel.count == 2)
    }
}

/// Advances to the end and returns what came due, in order.
private func collect(_ wheel: inout TimerWheel, to tick: UInt64) -> [Int32] {
    var due: [Int32] = []
    while wheel.advance(to: tick, into: &due) {}
    return due
}
