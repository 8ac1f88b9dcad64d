import RefreshCore
import Testing

@Suite struct RetryLadderTests {
    @Test(
        arguments: [
            (RetryLadder.transient, 1, 500), (.transient, 2, 1_000), (.transient, 9, 128_000),
            (.transient, 10, 150_000),
            (.transient, 1_000, 150_000), (.transient, 0, 500), (.transient, -3, 500), (.transient, .max, 150_000),
            (.transient, .min, 500), (.configuration, 1, 30_000), (.configuration, 7, 1_800_000), (.sink, 10, 256_000),
            (.sink, 11, 300_000), (.store, 1, 50), (.store, 7, 2_500),
        ] as [(RetryLadder, Int, Int64)]
    )
    func `the wait doubles up to the last step, and without jitter is half of it`(
        ladder: RetryLadder,
        count: Int,
        milliseconds: Int64
    ) {
        #expect(ladder.wait(after: count, phase: 0) == .milliseconds(milliseconds))
    }

    @Test(arguments: [RetryLadder.transient, .configuration, .sink, .store])
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
}
