import OAuth
@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

/// What a lane has learnt of its provider, in the next process (V6, I09).
@Suite struct LaneRestartTests {
    private let store = InMemoryStore()
    private let clock = ManualClock(now: Timestamp(seconds: 1_000_000))

    private func rig(
        _ limits: LaneLimits = LaneLimits(patience: .zero),
        clock: ManualClock? = nil,
        secret: String = "canary-client-secret"
    ) throws -> Rig {
        try Rig(
            { endpoint in
                var client = try ClientSettings.client("box", endpoint, limits: limits)
                client.client.clientSecret = Secret(secret)
                return EngineSettings(clients: [client.client.id: client], sinks: [:])
            },
            store: self.store,
            clock: clock ?? self.clock
        )
    }

    /// Has one account's refresh answered as scripted, and ends this life.
    private func hear(_ reply: ScriptedEndpoint.Reply) async throws {
        let first = try self.rig()
        try await first.run {
            try await first.put("box/alice")
            self.clock.advance(by: .seconds(3_550))
            first.endpoint.play(reply)
            first.engine.turn()
            await first.settles(try AccountID("box/alice"))
            #expect(first.endpoint.count == 1)
        }
    }

    @Test func `a wait that was asked for goes on after a restart, and then one probe`() async throws {
        try await self.hear(.error("slow_down", status: 429, retryAfter: 600))
        let second = try self.rig()
        try await second.run {
            second.engine.turn()
            await second.pass(.seconds(595))
            #expect(second.endpoint.count == 0)
            // The wait, and up to a tenth on top.
            await second.pass(.seconds(70))
            #expect(second.endpoint.count == 1)
        }
        #expect(second.log.entries.contains { $0.metadata["message_id"] == LogEvent.laneStopped.rawValue })
    }

    @Test func `a wait is kept as UTC, and a clock set back makes none that is absurd (D05)`() async throws {
        self.clock.utcShift = .seconds(3_600)
        try await self.hear(.error("slow_down", status: 429, retryAfter: 600))
        // The next process lays its line on the clock as it is, and is as far as this one.
        let right = try self.rig(clock: ManualClock(now: self.clock.now + .seconds(3_600)))
        try await right.run {
            right.engine.turn()
            await right.pass(.seconds(595))
            #expect(right.endpoint.count == 0)
        }
        let past = try self.rig(clock: ManualClock(now: Timestamp(seconds: 1_000)))
        try await past.run {
            past.engine.turn()
            #expect(past.endpoint.count == 0)
            await past.pass(.seconds(9_000))
            #expect(past.endpoint.count >= 1)
        }
    }

    @Test func `a refused client waits on after a restart, unless its registration was changed`() async throws {
        try await self.hear(.error("invalid_client", status: 401))
        let second = try self.rig()
        try await second.run {
            _ = try await second.put("box/bob", expiresIn: 10)
            second.engine.turn()
            await second.pass(.seconds(59))
            #expect(second.endpoint.count == 0)
        }
        let third = try self.rig(secret: "canary-client-secret-2")
        try await third.run {
            third.engine.turn()
            await third.pass(.seconds(59))
            #expect(third.endpoint.count >= 1)
        }
    }

    @Test func `what was kept last is what is recalled, though the last process was killed`() async throws {
        let first = try self.rig()
        var atDeath: [String: [UInt8]] = [:]
        try await first.run {
            try await first.put("box/alice")
            self.clock.advance(by: .seconds(3_550))
            first.endpoint.play(.error("slow_down", status: 429, retryAfter: 600))
            first.engine.turn()
            await first.settles(try AccountID("box/alice"))
            atDeath = await self.store.lanes()
        }
        await self.store.saveLanes(atDeath)
        let second = try self.rig()
        try await second.run {
            second.engine.turn()
            await second.pass(.seconds(595))
            #expect(second.endpoint.count == 0)
        }
    }

    @Test(arguments: [2.0, 50]) func `twenty restarts send no more than the rate allows (I09)`(
        rate: Double
    ) async throws {
        let limits = LaneLimits(rate: rate, concurrency: 4, patience: .zero)
        let first = try self.rig(limits)
        try await first.run { for number in 0..<150 { try await first.put("box/\(number)") } }
        self.clock.advance(by: .seconds(3_590))
        var sent = 0
        for _ in 0..<20 {
            let rig = try self.rig(limits)
            var atDeath: [String: [UInt8]] = [:]
            try await rig.run {
                rig.engine.turn()
                await rig.pass(.milliseconds(100))
                atDeath = await self.store.lanes()
            }
            // Killed: nothing was written down at its end.
            await self.store.saveLanes(atDeath)
            sent += rig.endpoint.count
        }
        // Two seconds at that rate, and the one that a bucket begins with.
        #expect((1...Int(2 * rate) + 1).contains(sent), "\(sent) at \(rate) a second")
    }

    @Test func `what nobody can read is forgotten`() async throws {
        try await self.hear(.error("slow_down", status: 429, retryAfter: 600))
        let kept = await self.store.lanes()
        #expect(kept.count == 1)
        await self.store.saveLanes(kept.mapValues { Array($0.dropLast()) })
        let second = try self.rig()
        try await second.run {
            _ = try await second.put("box/bob", expiresIn: 10)
            second.engine.turn()
            await second.pass(.seconds(8))
            #expect(second.endpoint.count >= 1)
        }
    }
}
