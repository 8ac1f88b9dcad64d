import RefreshCore
import Testing

@Suite struct RefreshWindowTests {
    private static let issued = Timestamp(seconds: 1_700_000_000)

    private static func wait(
        _ lifetime: Duration,
        phase: Double = 0,
        window: RefreshWindow = RefreshWindow()
    ) -> Duration {
        window.due(issuedAt: Self.issued, lifetime: lifetime, phase: phase) - Self.issued
    }

    @Test(
        arguments: [
            (3_600, 3_300),
            // The margin takes half of a life and no more.
            (601, 301), (600, 300), (599, 299.5), (60, 30), (20, 10),
            (19, 9.5), (5, 2.5), (1, 0.5), (0, 0), (-1, 0),
            // However long it claims to live, a day is the longest sleep.
            (86_400 + 300, 86_400), (86_400 + 301, 86_400), (3_155_760_000, 86_400),
        ] as [(Double, Double)]
    )
    func `without spread a token is due the margin before its end`(lifetime: Double, expected: Double) {
        #expect(Self.wait(.seconds(lifetime)) == .seconds(expected))
    }

    @Test func `the spread moves it forward by the account's share of it`() {
        #expect(Self.wait(.seconds(3_600), phase: 0.5) == .seconds(3_300 - 180))
        #expect(Self.wait(.seconds(3_600), phase: 0.999_999) > .seconds(3_300 - 360))
        #expect(
            Self.wait(.seconds(3_600), phase: 0.5, window: RefreshWindow(margin: .zero, spread: 0)) == .seconds(3_600)
        )
    }

    @Test(
        arguments: [
            (60, 50), (20, 10),
            // Less than twice as long as it is to be refreshed ahead: halved.
            (19, 9.5), (0.5, 0.25), (0, 0), (-1, 0),
        ] as [(Double, Double)]
    )
    func `a token whose expiry is final is due days ahead and not daily`(days: Double, expected: Double) {
        let day = 86_400.0
        let due = RefreshWindow().due(
            issuedAt: Self.issued,
            lifetime: .seconds(days * day),
            ahead: .seconds(10 * day),
            phase: 0
        )
        #expect(due - Self.issued == .seconds(expected * day))
        let spread = RefreshWindow().due(
            issuedAt: Self.issued,
            lifetime: .seconds(60 * day),
            ahead: .seconds(10 * day),
            phase: 0.5
        )
        #expect(spread - Self.issued == .seconds(47 * day))
    }

    @Test func `long-lived tokens of one batch are spread too`() {
        let waits = (0..<100).map { Self.wait(.seconds(60 * 86_400), phase: Double($0) / 100) }
        #expect(Set(waits).count == 100)
        #expect(waits.allSatisfy { $0 <= .seconds(86_400) && $0 > .seconds(86_400 * 0.9) })
    }

    @Test func `issued within a minute, a life later the peak is at most 1.2 times the mean (K01)`() throws {
        var tens: [Int64: Int] = [:]
        var seconds: [Int64: Int] = [:]
        for number in 0..<100_000 as Range<Int64> {
            let account = try AccountID("gdrive/user-\(number)@example.com")
            let issued = Self.issued + .milliseconds(number * 60_000 / 100_000)
            let due = RefreshWindow().due(issuedAt: issued, lifetime: .seconds(3_600), phase: account.phase)
            tens[due.seconds / 10, default: 0] += 1
            seconds[due.seconds, default: 0] += 1
        }
        // The spread is a tenth of the life: 360 s.
        let mean = 100_000.0 / 360
        #expect(Double(tens.values.max() ?? 0) <= 1.2 * mean * 10)
        // Of one second alone chance is a larger part: three times the root of the mean and more make a fifth of it.
        #expect(Double(seconds.values.max() ?? 0) <= 1.2 * mean + mean.squareRoot())
    }

    @Test func `with equal shares a bunch comes apart a little more with every life`() throws {
        var issued = [Timestamp](repeating: Self.issued, count: 20_000)
        let accounts = try issued.indices.map { try AccountID("gdrive/user-\($0)@example.com") }
        var last = Int.max
        for _ in 0..<5 {
            var counts: [Int64: Int] = [:]
            for index in issued.indices {
                issued[index] = RefreshWindow().due(
                    issuedAt: issued[index],
                    lifetime: .seconds(3_600),
                    phase: accounts[index].phase
                )
                counts[issued[index].seconds / 10, default: 0] += 1
            }
            let peak = counts.values.max() ?? 0
            #expect(peak < last)
            last = peak
        }
    }

    @Test func `for any window, life and phase it is due between issue and end`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<5_000 {
            let window = RefreshWindow(
                margin: .milliseconds(Int64.random(in: 0...600_000, using: &random)),
                spread: Double.random(in: 0...0.5, using: &random)
            )
            let lifetime = Duration.milliseconds(
                Int64.random(in: 1...(1 << Int64.random(in: 1...50, using: &random)), using: &random)
            )
            let phase = Double.random(in: 0..<1, using: &random)
            let wait = Self.wait(lifetime, phase: phase, window: window)
            #expect(wait >= .zero && wait <= RefreshWindow.longestSleep, "seed \(seed)")
            #expect(wait <= lifetime, "seed \(seed)")
            // Later phases are never later, so that the spread counts back from the margin.
            let earlier = Self.wait(lifetime, phase: phase / 2, window: window)
            #expect(earlier >= wait, "seed \(seed)")
            // It sleeps at least a quarter of the life, or half of the longest sleep, less the rounding of a millisecond.
            let least = Swift.min(lifetime / 4, RefreshWindow.longestSleep / 2) - .milliseconds(1)
            #expect(wait >= least, "seed \(seed)")
        }
    }

    @Test func `a lifetime beyond all measure overflows nothing`() {
        let due = RefreshWindow().due(
            issuedAt: Timestamp(milliseconds: .max - 1),
            lifetime: .seconds(Int64.max / 4),
            phase: 0.9
        )
        #expect(due == Timestamp(milliseconds: .max))
    }
}
