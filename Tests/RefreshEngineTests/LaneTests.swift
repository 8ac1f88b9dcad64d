@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

/// What one lane's trouble does to its accounts, and not to those of another.
@Suite struct LaneTests {
    /// Lets time pass, moment by moment, as the engine asked to be woken.
    private func pass(_ time: Duration, _ rig: Rig) async {
        let end = rig.clock.now + time
        for _ in 0..<100_000 {
            await eventually("those under way end") {
                rig.engine.attemptsInFlight == 0
                    && rig.engine.state.withLock { state in !state.records.contains { $0?.machine.isRefreshing == true }
                    }
            }
            rig.engine.pump()
            guard rig.engine.attemptsInFlight == 0 else { continue }
            guard let moment = rig.wakeSource.moment, moment <= end else { break }
            rig.turnWhenDue()
        }
        rig.clock.advance(to: end)
    }

    @Test func `a refused client costs three requests for all its grants, and none of them dies (F10, C08)`()
        async throws
    {
        let endpoint = ScriptedEndpoint { _, _ in ScriptedEndpoint.Step(.error("invalid_client", status: 401)) }
        let rig = try Rig(.singleUse, limits: LaneLimits(), endpoint: endpoint)
        try await rig.run {
            for number in 0..<300 { try await rig.put("box/\(number)") }
            rig.clock.advance(by: .seconds(3_400))
            rig.engine.turn()
            await self.pass(.seconds(40_000), rig)
            #expect(endpoint.count == 3)
            #expect(rig.engine.status.byState[.needsAuthorization] == nil)
        }
    }

    @Test func `a refused client's lane leaves the others alone (K03)`() async throws {
        let good = ScriptedEndpoint.counting()
        let bad = ScriptedEndpoint { _, _ in ScriptedEndpoint.Step(.error("invalid_client", status: 401)) }
        let rig = try Rig(
            { _ in
                EngineSettings(
                    clients: [
                        try ClientID("box"): try .client("box", bad), try ClientID("vk"): try .client("vk", good),
                    ],
                    sinks: [:]
                )
            }
        )
        try await rig.run {
            for number in 0..<50 {
                try await rig.put("box/\(number)")
                try await rig.put("vk/\(number)")
            }
            rig.clock.advance(by: .seconds(3_400))
            rig.engine.turn()
            await self.pass(.seconds(5), rig)
            #expect(good.count == 50)
        }
    }

    @Test func `a storm of 503 is met with probes, and everybody is served after it (F04)`() async throws {
        let rig = try Rig(.singleUse, limits: LaneLimits(rate: 50, concurrency: 8))
        try await rig.run {
            let accounts = try await (0..<100).asyncMap { try await rig.put("box/\($0)") }
            rig.clock.advance(by: .seconds(3_400))
            for _ in 0..<30 { rig.endpoint.play(.json("{}", status: 503)) }
            rig.engine.turn()
            await self.pass(.seconds(100), rig)
            // Five that opened the breaker, then two, four, eight … seconds apart.
            #expect((6...15).contains(rig.endpoint.count))
            await self.pass(.seconds(1_500), rig)
            #expect(accounts.allSatisfy { rig.state($0) == .fresh })
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
