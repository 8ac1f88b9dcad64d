@testable import ControlServer
import RefreshCore
@testable import RefreshEngine
import TestSupport
import Testing

@Suite struct DrainTests {
    @Test func `the end of service waits for the call that is being answered, and takes no other`() async throws {
        let gate = Gate()
        let rig = try Rig()
        rig.endpoint.play(.init(.token("canary-at-2"), afterRelease: gate))
        try await rig.serve {
            try await rig.put("box/a")
            let (busy, idle, watcher) = (try rig.connect(), try rig.connect(), try rig.connect())
            #expect(try await idle.answer("Status").error == nil)
            watcher.write(RawPeer.text("Watch", "{}", #","more":true"#))
            busy.write(RawPeer.text("Refresh", #"{"account":"box/a"}"#))
            busy.write(RawPeer.text("Pause", #"{"account":"box/a"}"#))
            await rig.endpoint.requestsReleased(1)
            await eventually("it watches") { !rig.engine.watchers.isEmpty }
            await rig.stop()
            #expect(await idle.everything().isEmpty)
            #expect(await watcher.everything().isEmpty)
            #expect(throws: RawPeer.Failure.self) { try rig.connect() }
            gate.open()
            #expect(try await busy.answers(1)[0].generation == 2)
            #expect(await busy.everything().isEmpty)
            #expect(rig.engine.view(of: try AccountID("box/a"))?.state == .fresh)
        }
    }

    @Test func `the end of service does not wait for longer than it may`() async throws {
        let gate = Gate()
        var limits = ControlLimits()
        limits.drainTime = .seconds(20)
        let rig = try Rig(limits: limits)
        rig.endpoint.play(.init(.token("canary-at-2"), afterRelease: gate))
        try await rig.serve {
            try await rig.put("box/a")
            let peer = try rig.connect()
            peer.write(RawPeer.text("Refresh", #"{"account":"box/a"}"#))
            await rig.endpoint.requestsReleased(1)
            await rig.stop()
            let limit = rig.clock.now + limits.drainTime
            await eventually("the drain is timed") { rig.clock.deadlines.contains(limit) }
            rig.clock.advance(to: limit)
            #expect(await peer.everything().isEmpty)
            gate.open()
        }
    }
}
