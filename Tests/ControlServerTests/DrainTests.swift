@testable import ControlServer
import Glibc
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

    @Test(arguments: 1...20)
    func `whoever has got in when service ends is answered, and the others are left to the next daemon`(
        _ attempt: Int
    ) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("s.sock")
        let manager = try ListeningSocket(.path(path, group: nil))
        defer { close(manager.descriptor) }
        var peers: [RawPeer] = []
        let rig = try Rig(endpoint: { _ in .inherited(descriptor: dup(manager.descriptor)) })
        try await rig.serve {
            let first = try RawPeer(path)
            #expect(try await first.answer("Status").error == nil)
            for number in 1...100 {
                if number == 3 * attempt { await rig.stop() }
                let peer = try RawPeer(path)
                peer.write(RawPeer.text("Status"))
                peers.append(peer)
            }
        }
        var left = 0
        while case let queued = accept(manager.descriptor, nil, nil), queued >= 0 {
            close(queued)
            left += 1
        }
        var answered = 0
        for peer in peers where await peer.message() != nil { answered += 1 }
        #expect(answered + left == 100)
    }
}
