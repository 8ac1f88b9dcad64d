import RefreshCore
import Testing

@Suite struct RateBudgetTests {
    @Test func `a burst goes at once, and then one for each time of one`() {
        var budget = RateBudget(perSecond: 10, burst: 3)
        let now = Timestamp(seconds: 1_000)
        for _ in 0..<3 { #expect(budget.take(at: now) == nil) }
        #expect(budget.take(at: now) == now + .milliseconds(100))
        #expect(budget.take(at: now + .milliseconds(99)) == now + .milliseconds(100))
        #expect(budget.take(at: now + .milliseconds(100)) == nil)
        #expect(budget.take(at: now + .milliseconds(100)) == now + .milliseconds(200))
        // After a rest the burst is there again, and no more than it.
        let later = now + .seconds(1_000)
        for _ in 0..<3 { #expect(budget.take(at: later) == nil) }
        #expect(budget.take(at: later) != nil)
    }

    @Test func `no limit never waits`() {
        var budget = RateBudget(perSecond: nil, burst: 1)
        for _ in 0..<1_000 { #expect(budget.take(at: .epoch) == nil) }
    }

    @Test func `asking in vain takes nothing`() {
        var budget = RateBudget(perSecond: 1, burst: 1)
        #expect(budget.take(at: .epoch) == nil)
        for _ in 0..<100 { #expect(budget.take(at: .epoch) == .epoch + .seconds(1)) }
        #expect(budget.take(at: .epoch + .seconds(1)) == nil)
    }

    @Test func `over no stretch of time do more go than its length allows and one burst`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<100 {
            let rates: [Double] = [0.1, 0.5, 1, 3, 7.3, 50, 700, 999, 1_500, 20_000]
            let rate = rates.randomElement(using: &random) ?? 1
            let burst = Int.random(in: 1...20, using: &random)
            var budget = RateBudget(perSecond: rate, burst: burst)
            var now = Timestamp(seconds: 1_700_000_000)
            var taken: [Timestamp] = []
            for _ in 0..<300 {
                if let retry = budget.take(at: now) {
                    #expect(retry > now, "seed \(seed)")
                    // Half of the time we ask exactly when we were told to; it must be there then.
                    if Bool.random(using: &random) {
                        now = retry
                        let isThere = budget.take(at: now) == nil
                        #expect(isThere, "seed \(seed)")
                        if isThere { taken.append(now) }
                    }
                } else {
                    taken.append(now)
                }
                now = now + .milliseconds(Int64.random(in: 0...Swift.max(Int64(1_000 / rate), 1), using: &random))
            }
            for start in taken.indices {
                for end in start..<taken.count {
                    let seconds = Double((taken[end] - taken[start]).milliseconds) / 1_000
                    let allowed = Double(burst) + seconds * rate + 1e-6
                    guard Double(end - start + 1) > allowed else { continue }
                    Issue.record("\(end - start + 1) in \(seconds) s at \(rate)/s, burst \(burst), seed \(seed)")
                    return
                }
            }
        }
    }

    @Test func `the slowest rate is no crash`() {
        var budget = RateBudget(perSecond: 1e-300, burst: 2)
        #expect(budget.take(at: .epoch) == nil && budget.take(at: .epoch) == nil)
        #expect(budget.take(at: .epoch) ?? .epoch > .epoch + .seconds(30 * 365 * 86_400))
    }

    @Test func `over a long time all that is allowed does go`() {
        for rate in [0.5, 3, 50, 333, 700] {
            // A burst of three makes up for the clock, which can only ask at whole milliseconds.
            var budget = RateBudget(perSecond: rate, burst: 3)
            var now = Timestamp.epoch
            var count = 0
            // Bounded, so that a budget without a limit fails and does not hang.
            while now < .epoch + .seconds(600), Double(count) <= 600 * rate + 3 {
                if let retry = budget.take(at: now) { now = retry } else { count += 1 }
            }
            #expect(Double(count) >= 600 * rate * 0.99 && Double(count) <= 600 * rate + 3, "\(rate): \(count)")
        }
    }
}
