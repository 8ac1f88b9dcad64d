import Foundation
import Glibc
@testable import HandoffServer
import RefreshCore
@testable import RefreshEngine
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct HandoffTests {
    @Test func `a ticket sends its browser to the address with the token, once, and nothing is kept on the way`()
        async throws
    {
        let rig = try Rig()
        try await rig.serve {
            let account = try await rig.put("box/alice")
            try await rig.put("box/bob")
            let issued = try await rig.desk.issue(account, sink: nil)
            #expect(issued.generation.number == 1)
            #expect(issued.expiresAt == rig.clock.now + .seconds(60))
            #expect(rig.delivery(account)?.state == .pending)

            let reply = try await rig.request(issued.path)
            #expect(reply.status == 302)
            #expect(reply.headers["location"] == "https://social.example/box/set?token=canary-at-box/alice")
            #expect(reply.headers["cache-control"] == "no-store")
            #expect(reply.headers["referrer-policy"] == "no-referrer")
            #expect(reply.rest.isEmpty)
            #expect(try await rig.request(issued.path).status == 404)
            #expect(rig.delivery(account)?.state == .handoff)
            #expect(rig.delivery(try AccountID("box/bob"))?.state == .pending)
        }
        #expect(rig.address.calls == 0, "the call is the browser's")
    }

    @Test func `whatever is wrong with a ticket, the answer is the same`() async throws {
        let rig = try Rig()
        try await rig.serve {
            let account = try await rig.put("box/alice")
            let used = try await rig.desk.issue(account, sink: "app").path
            _ = try await rig.request(used)
            let outdated = try await rig.desk.issue(account, sink: nil).path
            _ = try await rig.engine.refresh(account)
            let ended = try await rig.desk.issue(account, sink: nil).path
            rig.clock.advance(by: .seconds(60))
            let other = try await rig.put("box/bob")
            let removed = try await rig.desk.issue(other, sink: nil).path
            try await rig.engine.remove(other, revoke: false)

            let unknown = "/handoff/00112233445566778899aabbccddeeff"
            let first = try await rig.request(unknown)
            #expect(first.status == 404)
            for path in [used, outdated, ended, removed, "/", "/handoff/", unknown + "/", "/handoff/..", used + "?x=1"]
            {
                #expect(try await rig.request(path) == first, "\(path)")
            }
        }
    }

    @Test func `whoever only looks, or looks from elsewhere, uses nothing up`() async throws {
        let rig = try Rig()
        try await rig.serve {
            let account = try await rig.put("box/alice")
            let path = try await rig.desk.issue(account, sink: nil).path
            for method in ["HEAD", "POST", "OPTIONS", "PUT"] {
                #expect(try await rig.request(path, method: method).status == 405)
                #expect(try await rig.request("/handoff/none", method: method).status == 405)
            }
            for header in [
                "Sec-Purpose: prefetch", "Sec-Purpose: prefetch;anonymous-client-ip", "Purpose: prefetch",
                "X-Purpose: preview", "X-Moz: prefetch", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: none",
            ] {
                #expect(try await rig.request(path, headers: [header]).status == 404, "\(header)")
            }
            #expect(rig.delivery(account)?.state == .pending)
            let headers = ["Sec-Purpose: prefetch;prerender", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Dest: image"]
            #expect(try await rig.request(path, headers: headers).status == 302)
        }
    }

    @Test func `after a refresh the site is told that the browser's copy is old, until the next hand-off`()
        async throws
    {
        let rig = try Rig()
        try await rig.serve {
            let account = try await rig.put("box/alice")
            _ = try await rig.request(rig.desk.issue(account, sink: nil).path)
            let events = rig.engine.watchers.events(Watchers.Filter(client: nil, account: nil) { _ in true })

            _ = try await rig.engine.refresh(account)
            let old = try #require(rig.delivery(account))
            #expect(old.state == .pending)
            #expect(old.accepted?.number == 1)
            let reply = try await rig.request(rig.desk.issue(account, sink: nil).path)
            #expect(reply.status == 302)
            #expect(rig.delivery(account)?.state == .handoff)
            #expect(rig.delivery(account)?.accepted?.number == 2)

            var told: [Event] = []
            for await event in events where event.kind != .state {
                told.append(event)
                if event.kind == .delivered { break }
            }
            #expect(told.map(\.kind) == [.renewed, .delivered])
            #expect(told.map { $0.account.deliveries.first?.delivery.state } == [.pending, .handoff])
            #expect(told.map { $0.account.deliveries.first?.delivery.accepted?.number } == [1, 2])
        }
    }

    @Test func `a second browser can be given the same token`() async throws {
        let rig = try Rig()
        try await rig.serve {
            let account = try await rig.put("box/alice")
            for _ in 1...2 {
                #expect(try await rig.request(rig.desk.issue(account, sink: nil).path).status == 302)
            }
        }
    }

    @Test func `a hand-off is still known after a restart, and tickets are not`() async throws {
        let store = InMemoryStore()
        let first = try Rig(store: store)
        var left = ""
        try await first.serve {
            let account = try await first.put("box/alice")
            _ = try await first.request(first.desk.issue(account, sink: nil).path)
            left = try await first.desk.issue(account, sink: nil).path
        }
        let second = try Rig(store: store)
        try await second.serve {
            let account = try AccountID("box/alice")
            #expect(second.delivery(account)?.state == .handoff)
            #expect(second.delivery(account)?.accepted?.number == 1)
            #expect(try await second.request(left).status == 404)
        }
        #expect(second.address.calls == 0)
    }

    @Test func `a token that ends within a ticket's life is refreshed before one is issued`() async throws {
        let rig = try Rig()
        try await rig.serve {
            let account = try await rig.put("box/alice")
            rig.clock.advance(by: .seconds(3_590))
            let issued = try await rig.desk.issue(account, sink: nil)
            #expect(issued.generation.number == 2)
        }
    }

    @Test func `a grant that lacks what the storage key needs is not handed off`() async throws {
        let rig = try Rig(required: ["files.read"])
        try await rig.serve {
            let account = try await rig.put("box/alice", scope: "profile")
            let error = EngineError.unavailable(account, cause: "missing_permissions", retryAt: nil)
            await #expect(throws: error) { try await rig.desk.issue(account, sink: nil) }
        }
    }

    @Test func `a sink that is not handed off to is none, and accounts that are not there are none`() async throws {
        let rig = try Rig()
        try await rig.serve {
            let account = try await rig.put("box/alice")
            await #expect(throws: EngineError.invalidParameter("sink")) {
                try await rig.desk.issue(account, sink: "other")
            }
            let nobody = try AccountID("box/nobody")
            await #expect(throws: EngineError.accountNotFound(nobody)) { try await rig.desk.issue(nobody, sink: nil) }
        }
    }

    @Test func `a sink that turns from hand-off to calls is called, and back again waits for the browser`() async throws
    {
        let rig = try Rig()
        try await rig.serve {
            let account = try await rig.put("box/alice")
            let handedOff = try await rig.put("box/bob")
            _ = try await rig.request(rig.desk.issue(handedOff, sink: nil).path)
            let sink = try SinkID("app")
            var settings = rig.engine.state.withLock { $0.settings }
            settings.sinks[sink] = try Rig.binding(rig.address, isHandedOff: false)
            await rig.engine.apply(settings)
            await eventually("both are delivered") {
                [account, handedOff].allSatisfy { rig.delivery($0)?.state == .delivered }
            }
            #expect(rig.address.calls == 2)

            settings.sinks[sink] = try Rig.binding(rig.address)
            await rig.engine.apply(settings)
            #expect(rig.delivery(account)?.state == .pending)
            _ = try await rig.engine.deliver(account, sink: nil)
            _ = try await rig.engine.refresh(account)
            #expect(rig.engine.deliverer.pending == 0)
        }
        #expect(rig.address.calls == 2)
    }

    @Test func `the socket is the group's and nobody else's, and goes with the service`() async throws {
        let rig = try Rig(group: getegid())
        try await rig.serve {
            var status = stat()
            #expect(unsafe lstat(rig.path, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o660)
            #expect(status.st_gid == getegid())
        }
        #expect(!rig.folder.exists("h.sock"))
    }
}

/// Returns once the condition holds: other tasks are given their turns until then.
private func eventually(
    _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async rethrows {
    for _ in 0..<2_000_000 {
        if try await condition() { return }
        await Task.yield()
    }
    Issue.record("never came: \(what)", sourceLocation: sourceLocation)
}
