import Testing
import TimerWheel

/// The wheel beside a model that is too simple to be wrong, driven by the same random steps.
@Suite struct TimerWheelModelTests {
    static let batches = 0..<50
    static let seedsInBatch: UInt64 = 100

    @Test(arguments: batches) func `the wheel does what a table of deadlines does`(batch: Int) {
        for seed in (UInt64(batch) * Self.seedsInBatch)..<(UInt64(batch + 1) * Self.seedsInBatch) {
            var walk = Walk(seed: seed)
            let difference = walk.run(steps: 60)
            #expect(difference == nil, "seed \(seed)")
        }
    }

    @Test func `a long walk over many timers does what a table of deadlines does`() {
        for seed in 90_000..<90_004 as Range<UInt64> {
            var walk = Walk(seed: seed, ids: 2_000)
            let difference = walk.run(steps: 4_000)
            #expect(difference == nil, "seed \(seed)")
        }
    }
}

/// One random walk.
private struct Walk: ~Copyable {
    private var random: SplitMix64
    private var wheel: TimerWheel
    private var deadlines: [Int32: UInt64] = [:]
    private var now: UInt64
    private let ids: Int32
    /// How far apart moments are, in bits: a walk stays near few levels and meets each of their edges often.
    private let reach: UInt64

    init(seed: UInt64, ids: Int32 = 24) {
        self.random = SplitMix64(seed: seed)
        self.reach = UInt64.random(in: 3...46, using: &self.random)
        let bits = UInt64.random(in: 0...62, using: &self.random)
        self.now = UInt64.random(in: 0...(1 << bits), using: &self.random)
        // Half of the walks begin just before a tick at which slots of many levels begin.
        if Bool.random(using: &self.random) { self.now = (self.now >> 20 + 1) << 20 - self.now % 8 }
        self.wheel = TimerWheel(now: self.now)
        self.ids = ids
    }

    /// Returns what differs, or `nil`.
    mutating func run(steps: Int) -> String? {
        for step in 0..<steps {
            let difference = self.step()
            if let difference { return "step \(step): \(difference)" }
            // The whole walk through a large wheel only now and then.
            if self.ids < 100 || step % 64 == 0, let broken = self.wheel.checkInvariants() {
                return "step \(step): \(broken)"
            }
            let earliest = self.deadlines.values.min()
            if self.wheel.nextDeadline != earliest { return "step \(step): next deadline is not \(earliest ?? 0)" }
            if self.wheel.count != self.deadlines.count { return "step \(step): wrong count" }
            switch (self.wheel.nextTick, earliest) {
            case (nil, nil): break
            case (let tick?, let earliest?) where tick <= earliest && tick >= self.wheel.now: break
            case (let tick, _): return "step \(step): next tick \(tick ?? 0), earliest \(earliest ?? 0)"
            }
        }
        return nil
    }

    private mutating func step() -> String? {
        switch Int.random(in: 0..<10, using: &self.random) {
        case 0..<5:
            self.insert()
            return nil
        case 5..<7:
            return self.remove()
        default:
            return self.advance()
        }
    }

    private mutating func insert() {
        let id = Int32.random(in: 0..<self.ids, using: &self.random)
        let tick: UInt64
        switch Int.random(in: 0..<20, using: &self.random) {
        case 0: tick = 0
        case 1: tick = self.wheel.now
        case 2: tick = self.wheel.now + 1
        case 3: tick = .max
        default: tick = self.wheel.now + self.distance()
        }
        self.wheel.insert(id, at: tick)
        self.deadlines[id] = max(tick, self.wheel.now)
    }

    private mutating func remove() -> String? {
        let id = Int32.random(in: -1...self.ids, using: &self.random)
        let was = self.deadlines.removeValue(forKey: id)
        if self.wheel.deadline(of: id) != was { return "timer \(id) is not due at \(was ?? 0)" }
        return self.wheel.remove(id) == (was != nil) ? nil : "timer \(id) was removed wrongly"
    }

    /// To a random tick or to the next alarm, in calls of random limits with other steps between them.
    private mutating func advance() -> String? {
        var target = self.now + self.distance()
        if Bool.random(using: &self.random), let next = self.wheel.nextTick, next < .max { target = next }
        target = max(target, self.now)
        var latest: UInt64 = 0
        while true {
            var due: [Int32] = []
            let limit = Bool.random(using: &self.random) ? 1 : Int.random(in: 1...40, using: &self.random)
            let before = self.wheel.now
            let more = self.wheel.advance(to: target, limit: limit, into: &due)
            if due.count > limit { return "\(due.count) timers fired with a limit of \(limit)" }
            if self.wheel.now < before || self.wheel.now > target { return "now is \(self.wheel.now)" }
            for id in due {
                guard let deadline = self.deadlines.removeValue(forKey: id) else { return "\(id) fired unasked" }
                if deadline > target { return "\(id) fired before its time" }
                if deadline < latest { return "\(id) fired after later ones" }
                latest = deadline
            }
            guard more else { break }
            if self.ids < 100, let broken = self.wheel.checkInvariants() { return "unfinished: \(broken)" }
            if Int.random(in: 0..<4, using: &self.random) == 0 { self.insert() }
            if Int.random(in: 0..<4, using: &self.random) == 0, let difference = self.remove() { return difference }
        }
        self.now = target
        if self.wheel.now != target { return "now is \(self.wheel.now), not \(target)" }
        let missed = self.deadlines.filter { $0.value <= target }
        return missed.isEmpty ? nil : "\(missed) should have fired by \(target)"
    }

    private mutating func distance() -> UInt64 {
        UInt64.random(in: 0...(1 << UInt64.random(in: 0...self.reach, using: &self.random)), using: &self.random)
    }
}
