import OAuth
@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

@Suite struct BareGrantTests {
    private func grant(_ more: String = "") -> [UInt8] { Array(#"{"refresh_token":"canary-rt-a-1"\#(more)}"#.utf8) }

    @Test func `a refresh token alone is spent at once, and its first token is what is served and delivered`()
        async throws
    {
        let sink = ScriptedSink()
        let rig = try Rig(
            .singleUse,
            sinks: [try SinkID("uploads"): sink.settings(clients: [try ClientID("box")])]
        )
        try await rig.run {
            let account = try AccountID("box/alice")
            let view = try await rig.engine.put(account, answer: self.grant(), issuedAt: nil)
            #expect(view.generation.number == 1)
            #expect(try Reply(try await rig.engine.token(for: account, atLeast: nil)).accessToken == "canary-at-a-2")
            await eventually("delivered") { sink.generations == [2] }
            #expect(rig.endpoint.requests.map(\.refreshToken) == ["canary-rt-a-1"])
        }
    }

    @Test func `until it is refreshed nothing is served, after a restart and a step of the clock neither`() async throws
    {
        let store = InMemoryStore()
        let endpoint = ScriptedEndpoint { _, _ in .init(.json("", status: 503)) }
        let rig = try Rig(.singleUse, endpoint: endpoint, store: store)
        let account = try AccountID("box/alice")
        try await rig.run {
            _ = try await rig.engine.put(account, answer: self.grant(), issuedAt: rig.clock.now + .seconds(30))
            #expect(rig.engine.table.token(for: account) == nil)
            await rig.settles(account)
            #expect(rig.state(account) == .retrying)
            #expect(rig.engine.table.token(for: account) == nil)
        }
        let clock = ManualClock(now: Timestamp(seconds: 900_000))
        let next = try Rig(.singleUse, store: store, clock: clock)
        try await next.run {
            #expect(next.engine.table.token(for: account) == nil)
            next.turnWhenDue()
            await eventually("renewed") { next.served(account) == 2 }
        }
    }

    @Test func `a grant that another client was given is refused, and so is one that cannot be spent`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try AccountID("box/alice")
            _ = try await rig.engine.put(account, answer: self.grant(#","client_id":"box-app""#), issuedAt: nil)
            await rig.settles(account)
            for bad in [#","client_id":"another""#, #","access_token":"""#, #","access_token":7"#, #","error":"x""#] {
                await #expect(throws: EngineError.self) {
                    try await rig.engine.put(account, answer: self.grant(bad), issuedAt: nil)
                }
            }
            var settings = rig.engine.state.withLock { $0.settings }
            settings.clients[try ClientID("box")]?.client.profile.strategy = .none
            await rig.engine.apply(settings)
            let other = try AccountID("box/bob")
            await #expect(throws: EngineError.self) {
                try await rig.engine.put(other, answer: self.grant(), issuedAt: nil)
            }
            #expect(rig.engine.view(of: other) == nil)
        }
    }
}
