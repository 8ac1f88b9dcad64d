import RefreshCore
import Testing

@Suite struct TimestampTests {
    private static let last = Timestamp(milliseconds: .max)
    private static let first = Timestamp(milliseconds: .min)

    @Test func `sums beyond the ends stay at the ends`() {
        #expect(Self.last + .milliseconds(1) == Self.last)
        #expect(Self.first - .milliseconds(1) == Self.first)
        #expect(Timestamp.epoch + .seconds(Int64.max) == Self.last)
        #expect(Timestamp.epoch - .seconds(Int64.max) == Self.first)
        #expect(Self.last + .seconds(Int64.min) == Timestamp(milliseconds: -1))
        #expect(Timestamp(seconds: .max) == Self.last)
        #expect(Timestamp(seconds: .min) == Self.first)
    }

    @Test func `the time between the ends is clamped`() {
        #expect((Self.last - Self.first).milliseconds == .max)
        #expect((Self.first - Self.last).milliseconds == .min)
        #expect(Self.last - Self.last == .zero)
    }

    @Test(
        arguments: [(0, 0), (1, 0), (999, 0), (1_000, 1), (1_001, 1), (-1, -1), (-1_000, -1), (-1_001, -2)]
            as [(Int64, Int64)]
    )
    func `seconds are rounded down`(milliseconds: Int64, seconds: Int64) {
        #expect(Timestamp(milliseconds: milliseconds).seconds == seconds)
    }

    @Test func `a moment and a duration add up and come apart again`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<2_000 {
            let moment = Timestamp(milliseconds: Int64.random(in: -(1 << 60)...(1 << 60), using: &random))
            let wait = Duration.milliseconds(Int64.random(in: -(1 << 60)...(1 << 60), using: &random))
            #expect((moment + wait) - moment == wait, "seed \(seed)")
            #expect((moment + wait) - wait == moment, "seed \(seed)")
            #expect((moment + wait < moment) == (wait < .zero), "seed \(seed)")
        }
    }

    @Test func `less than a millisecond is cut off towards zero`() {
        #expect(Duration.microseconds(1_999).milliseconds == 1)
        #expect(Duration.microseconds(-1_999).milliseconds == -1)
        #expect(Duration.seconds(Int64.max).milliseconds == .max)
        #expect(Duration.seconds(Int64.min).milliseconds == .min)
    }

    @Test func `a share of a duration is that share, clamped`() {
        #expect(Duration.seconds(10).scaled(by: 0.25) == .milliseconds(2_500))
        #expect(Duration.seconds(10).scaled(by: 0) == .zero)
        #expect(Duration.seconds(-10).scaled(by: 0.5) == .seconds(-5))
        #expect(Duration.seconds(Int64.max).scaled(by: 2) > .seconds(1 << 50))
        #expect(Duration.seconds(Int64.min).scaled(by: 2) < .seconds(-(1 << 50)))
    }
}
