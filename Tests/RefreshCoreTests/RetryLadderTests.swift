import RefreshCore
import Testing

@Suite struct RetryLadderTests {
    @Test(
        arguments: [
            (RetryLadder.configuration, 1, 30_000), (.configuration, 7, 1_800_000), (.configuration, 0, 30_000),
            (.configuration, -3, 30_000), (.configuration, .max, 1_800_000), (.configuration, .min, 30_000),
            (.sink, 10, 256_000), (.sink, 11, 300_000), (.store, 1, 50), (.store, 7, 2_500), (.probe, 1, 1_000),
            (.probe, 2, 2_000), (.probe, 9, 15_000),
        ] as [(RetryLadder, Int, Int64)]
    )
    func `the wait doubles up to the last step, and without jitter is half of it`(
        ladder: RetryLadder,
        count: Int,
        milliseconds: Int64
    ) {
        #expect(ladder.wait(after: count, phase: 0) == .milliseconds(milliseconds))
    }

    @Test(arguments: [RetryLadder.configuration, .sink, .store, .probe])
    func `waits grow with the count and with the phase, and stay within the step`(ladder: RetryLadder) {
        for count in 1...40 {
            let least = ladder.wait(after: count, phase: 0)
            let most = ladder.wait(after: count, phase: 0.999_999)
            #expect(least <= most && most <= ladder.last)
            #expect(least >= ladder.first / 2)
            #expect(ladder.wait(after: count + 1, phase: 0) >= least)
            #expect(ladder.wait(after: count, phase: 0.3) == ladder.wait(after: count, phase: 0.3))
        }
    }

    @Test func `full jitter fills the time from the first step to the last evenly, for each failure anew (F02)`() {
        let ladder = RetryLadder.transient
        for count in [Int.min, 1, 2, 5, 9, 40, 1_000_000, Int.max] {
            let waits = (0..<1_000).map { ladder.wait(after: count, phase: Double($0) / 1_000) }
            let step = Swift.min(Duration.seconds(1 << Int64(Swift.max(Swift.min(count, 9), 1))), .seconds(300))
            #expect(waits.allSatisfy { $0 >= .seconds(1) && $0 <= step })
            let mean = waits.reduce(.zero, +) / 1_000
            #expect(mean > (.seconds(1) + step) * 0.49 && mean < (.seconds(1) + step) * 0.51)
        }
        // Nobody comes back first every time.
        for phase in [0, 0.25, 0.5, 0.999] {
            let early = (10..<60).count { ladder.wait(after: $0, phase: phase) < .seconds(150) }
            #expect((20...30).contains(early))
        }
    }
}
