import RefreshCore
import TestSupport
import Testing

@Suite struct RetryBudgetTests {
    private let start = Timestamp(seconds: 1_000)

    @Test func `without first tries one may be tried again in a second`() {
        var budget = RetryBudget()
        #expect(budget.wait(at: self.start) == nil)
        budget.countRetry(at: self.start)
        #expect(budget.wait(at: self.start + .milliseconds(500)) == self.start + RetryBudget.floor)
        #expect(budget.wait(at: self.start + RetryBudget.floor) == nil)
    }

    @Test func `of a hundred first tries ten are tried again, and after a minute they are forgotten`() {
        var budget = RetryBudget()
        for _ in 0..<100 { budget.countFirst(at: self.start) }
        for _ in 0..<10 {
            #expect(budget.wait(at: self.start) == nil)
            budget.countRetry(at: self.start)
        }
        #expect(budget.wait(at: self.start) == self.start + RetryBudget.floor)
        for _ in 0..<100 { budget.countFirst(at: self.start + .seconds(59)) }
        #expect(budget.wait(at: self.start + .seconds(59)) == nil)
        budget.countRetry(at: self.start + .seconds(59))
        #expect(budget.wait(at: self.start + .seconds(60)) == nil)
        #expect(budget.wait(at: self.start + .seconds(100_000)) == nil)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `over any minute retries are a tenth of the first tries and the floor`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var budget = RetryBudget()
        var firsts: [Timestamp] = []
        var retries: [Timestamp] = []
        var now = self.start
        for _ in 0..<600 {
            now = now + .milliseconds(Int64.random(in: 0...600, using: &random))
            if Int.random(in: 0..<3, using: &random) == 0 {
                budget.countFirst(at: now)
                firsts.append(now)
            } else if budget.wait(at: now) == nil {
                budget.countRetry(at: now)
                retries.append(now)
            }
            let recent = retries.count { $0 > now - .seconds(59) }
            // The minute is kept in whole seconds.
            let share = firsts.count { $0 > now - .seconds(60) } / 10
            #expect(recent <= share + 61, "seed \(seed)")
        }
        #expect(!retries.isEmpty)
    }
}
