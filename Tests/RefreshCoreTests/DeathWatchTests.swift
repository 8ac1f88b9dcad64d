import RefreshCore
import Testing

@Suite struct DeathWatchTests {
    private let start = Timestamp(seconds: 1_000)

    @Test(arguments: [(0, 20), (100, 20), (1_999, 20), (2_000, 21), (100_000, 1_001)])
    func `too many is more than one of a hundred, and twenty at least (F16)`(grants: Int, limit: Int) {
        #expect(DeathWatch.limit(grants: grants) == limit)
        var watch = DeathWatch()
        for number in 1...limit { #expect(watch.died(at: self.start, grants: grants) == (number == limit)) }
    }

    @Test func `a trickle is what users do`() {
        var watch = DeathWatch()
        // Nineteen in any ten minutes, for a day.
        for number in 0..<2_700 as Range<Int64> {
            #expect(watch.died(at: self.start + .seconds(number * 32), grants: 500) == false)
        }
        #expect(watch.deaths.count == 19)
    }
}
