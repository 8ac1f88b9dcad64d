import Logging
@testable import RefreshEngine
import RefreshCore
import ServiceLifecycle
import TestSupport
import Testing

/// What is told before a person would notice.
@Suite struct AlarmTests {
    @Test func `tokens that will not last until their lane opens are told once, with their number (F01)`() async throws
    {
        let rig = try Rig(.singleUse)
        try await rig.run {
            for number in 0..<5 { try await rig.put("box/\(number)", expiresIn: 1_000) }
            try await rig.put("box/long", expiresIn: 100_000)
            let account = try AccountID("box/0")
            rig.endpoint.play(.error("slow_down", status: 429, retryAfter: 3_000))
            _ = try? await rig.engine.refresh(account)
            let told = rig.log.entries.filter { $0.metadata["message_id"] == LogEvent.laneStopped.rawValue }
            #expect(told.map { $0.metadata["tokens_ending"] } == ["5"])
            #expect(told.first?.level == .error)
            let lines = rig.engine.explanation(of: account) ?? []
            #expect(lines.contains("Tokens of this lane that end before it opens: 5, this one among them."))
            let other = rig.engine.explanation(of: try AccountID("box/long")) ?? []
            #expect(other.contains("Tokens of this lane that end before it opens: 5."))
        }
    }

    @Test func `a wait that every token outlives is no alarm`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.endpoint.play(.error("slow_down", status: 429, retryAfter: 60))
            _ = try? await rig.engine.refresh(account)
            let told = rig.log.entries.filter { $0.metadata["message_id"] == LogEvent.laneStopped.rawValue }
            #expect(told.map { $0.metadata["tokens_ending"] } == ["0"] && told.first?.level == .warning)
            #expect(rig.engine.explanation(of: account)?.contains { $0.hasPrefix("Tokens of this lane") } == false)
        }
    }

    @Test func `a stop that gets no answer says how many refreshes it leaves in doubt (I05)`() async throws {
        let rig = try Rig(.singleUse)
        let gate = Gate()
        let account = try AccountID("box/0")
        try await rig.run {
            for number in 0..<3 {
                try await rig.put("box/\(number)")
                rig.endpoint.play(.init(.silence(.timeout), afterRelease: gate))
            }
            rig.clock.advance(by: .seconds(3_550))
            rig.engine.turn()
            await rig.endpoint.requestsReleased(3)
            Task {
                // Ends as soon as the end of service has begun.
                await eventually("draining") { rig.engine.isDraining }
                gate.open()
            }
        }
        let told = rig.log.entries.filter { $0.metadata["refreshes"] != nil }
        #expect(told.map { $0.metadata["refreshes"] } == ["3"])
        #expect(try await rig.stored(account)?.standing == .inDoubt)
    }
}
