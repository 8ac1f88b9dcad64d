@testable import RefreshCore
import Testing

/// Many accounts through one lane, second by second, with a provider in a few lines.
@Suite struct LaneStormTests {
    /// One lane, its provider and its clock: requests end `latency` after they were sent.
    private struct Storm {
        var lane: LaneMachine
        var now = Timestamp(seconds: 1_000_000)
        let latency: Duration
        var underWay: [(slot: Int32, endsAt: Timestamp)] = []
        private var head = 0
        var sent: [Timestamp] = []

        init(_ limits: LaneLimits, due: Int32, latency: Duration = .milliseconds(100)) {
            self.lane = LaneMachine(limits: limits, phase: 0.5)
            self.latency = latency
            for slot in 0..<due { self.lane.enqueue(slot, expiresAt: self.now + .seconds(Int64(slot % 300))) }
        }

        /// Lets time pass up to `end`, or until nothing can happen any more.
        mutating func run(
            until end: Timestamp,
            answer: (Timestamp) -> LaneEffect,
            ended: (inout LaneMachine, Int32, LaneEffect, Timestamp) -> Void = { _, _, _, _ in }
        ) {
            while self.now < end {
                var wake = end
                loop: while true {
                    switch self.lane.next(at: self.now) {
                    case .send(let slot):
                        self.sent.append(self.now)
                        self.underWay.append((slot, self.now + self.latency))
                    case .wait(let until):
                        wake = Swift.min(wake, until)
                        break loop
                    case .idle:
                        break loop
                    }
                }
                if self.head < self.underWay.count { wake = Swift.min(wake, self.underWay[self.head].endsAt) }
                self.now = Swift.max(wake, self.now)
                while self.head < self.underWay.count, self.underWay[self.head].endsAt <= self.now {
                    let (slot, _) = self.underWay[self.head]
                    self.head += 1
                    let effect = answer(self.now)
                    self.lane.ended(effect, of: slot, at: self.now)
                    ended(&self.lane, slot, effect, self.now)
                }
            }
        }

        /// Requests in each second from `start` on.
        func perSecond(from start: Timestamp, to end: Timestamp) -> [Int] {
            var counts = [Int](repeating: 0, count: Int((end - start).milliseconds / 1_000))
            for moment in self.sent where moment >= start && moment < end {
                counts[Int((moment - start).milliseconds / 1_000)] += 1
            }
            return counts
        }
    }

    @Test func `ten minutes of 503 with 100,000 due: a probe a second at most, and back within a minute (F04, K05)`() {
        var storm = Storm(LaneLimits(rate: 100, concurrency: 64), due: 100_000)
        let start = storm.now
        let begins = start + .seconds(10)
        let ends = begins + .seconds(600)
        var failed: Set<Int32> = []
        var retries: [Timestamp] = []
        storm.run(until: ends + .seconds(120)) {
            $0 >= begins && $0 < ends ? .trouble : .answered
        } ended: {
            lane,
            slot,
            effect,
            now in
            if failed.contains(slot) { retries.append(now) }
            guard effect == .trouble else { return }
            failed.insert(slot)
            lane.enqueue(slot, expiresAt: nil, isRetry: true)
        }
        let calm = storm.perSecond(from: start + .seconds(2), to: begins)
        #expect(calm.allSatisfy { (90...120).contains($0) })
        // The first second of the storm still has those in it that were let go before anybody knew.
        let during = storm.perSecond(from: begins + .seconds(2), to: ends)
        #expect(during.allSatisfy { $0 <= 1 } && during.contains(1))
        let after = storm.perSecond(from: ends + .seconds(60), to: ends + .seconds(120))
        #expect(after.allSatisfy { (90...120).contains($0) }, "back at full rate")
        #expect(storm.perSecond(from: start, to: ends + .seconds(120)).allSatisfy { $0 <= 120 })
        // In the storm, a second try only as the probe; a breaker's minute has three of them at most.
        for retry in retries where retry > begins + .seconds(60) && retry < ends {
            #expect(retries.count { $0 > retry - .seconds(60) && $0 <= retry } <= 4)
        }
    }

    @Test func `after two hours away the backlog drains at the cap, in order, and nobody new is starved (F05, K02)`() {
        // A tenth of the million, at a tenth of its time: what it costs in an unoptimized build is a test's patience.
        let due: Int32 = 100_000
        let rate = 1_000
        var storm = Storm(LaneLimits(rate: Double(rate), concurrency: 400), due: due)
        let start = storm.now
        let ends = start + .seconds(7_200)
        let time = Duration.seconds(Int64(due) / Int64(rate))
        storm.run(until: ends) { _ in .trouble }
        #expect(storm.sent.count < 7_200 / 10, "probes")
        var late: [Int32] = []
        var lateness: [Duration] = []
        var added: Int32 = 0
        var dueAt: [Int32: Timestamp] = [:]
        storm.run(until: ends + .seconds(300)) { _ in
            .answered
        } ended: { lane, slot, _, now in
            if let since = dueAt[slot] {
                lateness.append(now - since)
            } else {
                late.append(slot)
            }
            // One in twenty falls due anew all the while.
            if late.count.isMultiple(of: 20), late.count < due - 1_000, now > ends + .seconds(35) {
                lane.enqueue(due + added, expiresAt: now + .seconds(300))
                dueAt[due + added] = now
                added += 1
            }
        }
        #expect(storm.lane.queued == 0 && added > 1_000)
        let last = storm.sent.last ?? start
        let total = Duration.seconds((Int64(due) + Int64(added)) / Int64(rate))
        #expect(last - ends <= total.scaled(by: 1.05) + RetryLadder.probe.last && last - ends > time.scaled(by: 0.9))
        #expect(storm.perSecond(from: ends, to: ends + .seconds(300)).allSatisfy { $0 <= rate * 12 / 10 })
        #expect(lateness.allSatisfy { $0 < .seconds(2) })
        // In order of the end, but for those that were probes.
        let inversions = zip(late, late.dropFirst()).count { $0 % 300 > $1 % 300 }
        #expect(inversions <= 400 + storm.sent.count { $0 < ends })
    }

    @Test func `a refused client costs three requests, for 100,000 grants and a whole day (F10, C08)`() {
        var storm = Storm(LaneLimits(rate: 100, concurrency: 64), due: 100_000)
        let start = storm.now
        storm.run(until: start + .seconds(86_400)) { _ in
            .rejected
        } ended: { lane, slot, _, _ in
            lane.enqueue(slot, expiresAt: nil, isRetry: true)
        }
        #expect(storm.sent.count == 3)
        #expect(storm.lane.queued == 100_000)
    }

    @Test func `a rolled-back machine kills twenty grants and no more (F16, B17, T15)`() {
        var storm = Storm(LaneLimits(concurrency: 64), due: 1_500)
        storm.lane.grants = 1_500
        storm.run(until: storm.now + .seconds(86_400)) { _ in .died }
        #expect(storm.sent.count == 20)
        #expect(storm.lane.stop(at: storm.now) == .massDeath(deaths: 20))
        storm.lane.release()
        storm.run(until: storm.now + .seconds(60)) { _ in .answered }
        #expect(storm.lane.queued == 0)
    }

    @Test func `of 100,000 grants one in a hundred may die, and no more (F16)`() {
        var storm = Storm(LaneLimits(rate: 500, concurrency: 64), due: 100_000)
        storm.lane.grants = 100_000
        storm.run(until: storm.now + .seconds(60)) { _ in .died }
        #expect(storm.sent.count == 1_001)
    }

    @Test func `second tries are a tenth of the first ones, however many fail (K05)`() {
        var storm = Storm(LaneLimits(rate: 100, concurrency: 64), due: 30_000)
        let start = storm.now
        var count = 0
        var failed: Set<Int32> = []
        var retries: [Timestamp] = []
        storm.run(until: start + .seconds(240)) { _ in
            // Two of three fail, so that no breaker opens.
            count += 1
            return count.isMultiple(of: 3) ? .answered : .trouble
        } ended: { lane, slot, effect, now in
            if failed.contains(slot) { retries.append(now) }
            guard effect == .trouble else { return }
            failed.insert(slot)
            lane.enqueue(slot, expiresAt: now - .seconds(1_000), isRetry: true)
        }
        for end in stride(from: 60, through: 240, by: 20) as StrideThrough<Int64> {
            let window = (start + .seconds(end - 60))..<(start + .seconds(end))
            let again = retries.count { window.contains($0) }
            let all = storm.sent.count { window.contains($0) }
            #expect(again <= (all - again) / 10 + 10)
        }
        #expect(!retries.isEmpty)
    }

    @Test func `a million in the queue cost little memory and come out in order`() {
        var queue = UrgencyQueue()
        let urgencies = (0..<3_600 as Range<Int64>).map { second in
            UrgencyQueue.Urgency(expiresAt: Timestamp(seconds: 1_000_000 + second))
        }
        for slot in 0..<1_000_000 { queue.push(Int32(slot), urgencies[slot &* 7_919 % 3_600]) }
        #expect(queue.footprint <= 3_600)
        var last: UrgencyQueue.Urgency?
        for _ in 0..<20_000 {
            guard let first = queue.first() else { break }
            if let last { #expect(last <= first) }
            last = first
            _ = queue.take(first)
        }
        #expect(queue.count == 980_000)
    }
}
