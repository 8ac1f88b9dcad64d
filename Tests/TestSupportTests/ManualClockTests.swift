import RefreshCore
import TestSupport
import Testing

@Suite struct ManualClockTests {
    private let clock = ManualClock()

    @Test func `a sleeper wakes when its moment has come, and not before`() async throws {
        async let slept: Void = self.clock.sleep(until: .epoch + .seconds(10), tolerance: nil)
        #expect(await self.clock.sleeperArrived() == .epoch + .seconds(10))
        self.clock.advance(by: .milliseconds(9_999))
        #expect(self.clock.deadlines == [.epoch + .seconds(10)])
        self.clock.advance(by: .milliseconds(1))
        try await slept
        #expect(self.clock.deadlines.isEmpty)
    }

    @Test func `a moment that is over is not waited for`() async throws {
        self.clock.advance(by: .seconds(5))
        try await self.clock.sleep(until: .epoch + .seconds(5), tolerance: nil)
        #expect(self.clock.now == .epoch + .seconds(5))
        self.clock.advance(to: .epoch)
        #expect(self.clock.now == .epoch + .seconds(5))
    }

    @Test func `a cancelled sleeper wakes with an error, also one that was cancelled before it slept`() async {
        let sleeper = Task { try await self.clock.sleep(until: .epoch + .seconds(10), tolerance: nil) }
        _ = await self.clock.sleeperArrived()
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
        let gate = Gate()
        let late = Task {
            await gate.pass()
            try await self.clock.sleep(until: .epoch + .seconds(10), tolerance: nil)
        }
        late.cancel()
        gate.open()
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(self.clock.deadlines.isEmpty)
    }

    @Test func `each arrival is told once, in order`() async throws {
        async let first: Void = self.clock.sleep(until: .epoch + .seconds(1), tolerance: nil)
        #expect(await self.clock.sleeperArrived() == .epoch + .seconds(1))
        async let second: Void = self.clock.sleep(until: .epoch + .seconds(2), tolerance: nil)
        #expect(await self.clock.sleeperArrived() == .epoch + .seconds(2))
        self.clock.advance(by: .seconds(2))
        try await first
        try await second
    }
}
