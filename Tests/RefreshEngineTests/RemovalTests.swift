import OAuth
@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct RemovalTests {
    @Test func `a grant is revoked at the provider before it is forgotten, however often it must be asked`()
        async throws
    {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.endpoint.play(
                .init(.json("", status: 503)),
                .init(.notSent(.connect)),
                .init(.silence(.closed)),
                .init(.json("{}"))
            )
            try await rig.passing { try await rig.engine.remove(account, revoke: true) }
            #expect(rig.engine.view(of: account) == nil)
            #expect(try await rig.stored(account) == nil)
            #expect(rig.endpoint.requests.map(\.url) == Array(repeating: "https://box.example/revoke", count: 4))
            #expect(rig.endpoint.requests.allSatisfy { $0.parameters["token"] == "canary-rt-box/alice-1" })
        }
    }

    @Test func `a provider that stays away is told, with a bound, and nothing is removed`() async throws {
        let rig = try Rig(.singleUse, endpoint: ScriptedEndpoint { _, _ in .init(.json("", status: 503)) })
        try await rig.run {
            let account = try await rig.put("box/alice")
            let begin = rig.clock.now
            let error = await #expect(throws: EngineError.self) {
                try await rig.passing { try await rig.engine.remove(account, revoke: true) }
            }
            guard case .notRemoved(account, cause: "server_error", let message)? = error else {
                Issue.record("another error: \(String(describing: error))")
                return
            }
            #expect(message.hasPrefix("not revoked and not removed"))
            #expect(rig.clock.now - begin <= Engine.removalPatience)
            #expect(rig.endpoint.count > 2)
            #expect(rig.served(account) == 1)
            #expect(try await rig.stored(account) != nil)
            #expect(rig.wakeSource.moment != nil, "it goes on to be refreshed")
        }
    }

    @Test func `a wait that the provider asks for is kept, and one beyond patience ends the tries`() async throws {
        for (wait, isRemoved) in [(10, true), (600, false)] {
            let rig = try Rig(.singleUse)
            try await rig.run {
                let account = try await rig.put("box/alice")
                rig.endpoint.play(.init(.error("slow_down", status: 429, retryAfter: wait)), .init(.json("{}")))
                let begin = rig.clock.now
                let removal = Task {
                    try await rig.passing { try await rig.engine.remove(account, revoke: true) }
                }
                if isRemoved {
                    try await removal.value
                    #expect(rig.clock.now - begin >= .seconds(wait))
                } else {
                    await #expect(throws: EngineError.self) { try await removal.value }
                    #expect(rig.endpoint.count == 1)
                    #expect(rig.clock.now == begin)
                }
            }
        }
    }

    @Test(arguments: [
        (400, #"{"error":"invalid_token"}"#, true), (400, #"{"error":"invalid_grant"}"#, true), (200, "", true),
        (200, #"{"response":1}"#, true), (400, #"{"error":"unsupported_token_type"}"#, false),
        (401, #"{"error":"invalid_client"}"#, false), (302, "", false), (404, "", false),
        (200, #"{"error":"invalid_request"}"#, false),
    ])
    func `a grant that is over already will do, and a refusal is told at once`(
        status: Int,
        body: String,
        isRemoved: Bool
    ) async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.endpoint.play(.init(.json(body, status: status)))
            if isRemoved {
                try await rig.engine.remove(account, revoke: true)
                #expect(rig.engine.view(of: account) == nil)
            } else {
                await #expect(throws: EngineError.self) { try await rig.engine.remove(account, revoke: true) }
                #expect(rig.served(account) == 1)
            }
            #expect(rig.endpoint.count == 1)
        }
    }

    @Test func `what cannot be revoked at all is told before anything is done`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/static", hasRefreshToken: false)
            await #expect(throws: EngineError.self) { try await rig.engine.remove(account, revoke: true) }
            var settings = rig.engine.state.withLock { $0.settings }
            settings.clients[try ClientID("box")]?.client.profile.revocationEndpoint = nil
            await rig.engine.apply(settings)
            let other = try await rig.put("box/alice")
            await #expect(throws: EngineError.self) { try await rig.engine.remove(other, revoke: true) }
            #expect(rig.endpoint.count == 0)
            #expect(rig.engine.status.accounts == 2)
        }
    }

    @Test func `where the access token is what is shown, an expired one is renewed first`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            var settings = rig.engine.state.withLock { $0.settings }
            settings.clients[try ClientID("box")]?.client.profile.revocation = .accessToken
            await rig.engine.apply(settings)
            let account = try await rig.put("box/alice", expiresIn: 600)
            rig.clock.advance(by: .seconds(590))
            rig.endpoint.play(.init(.next(after: "canary-rt-box/alice-1")), .init(.json(#"{"response":1}"#)))
            try await rig.engine.remove(account, revoke: true)
            let last = try #require(rig.endpoint.requests.last)
            #expect(last.url == "https://box.example/revoke")
            #expect(last.parameters == ["access_token": "canary-at-box/alice-2", "client_id": "box-app"])
            #expect(rig.engine.view(of: account) == nil)
        }
    }

    @Test func `a store that refuses is asked again, and told if it stays that way`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.endpoint.play(.init(.json("{}")), .init(.json("{}")))
            rig.store.fail(.edit, times: .max)
            let error = await #expect(throws: EngineError.self) {
                try await rig.passing { try await rig.engine.remove(account, revoke: true) }
            }
            guard case .notRemoved(account, cause: "store_unavailable", let message)? = error else {
                Issue.record("another error: \(String(describing: error))")
                return
            }
            #expect(message.hasPrefix("revoked but not removed"))
            #expect(rig.engine.view(of: account) != nil)
            rig.store.heal()
            // Told as failed, and yet done: then it is done.
            rig.store.fail(.edit, .after)
            try await rig.passing { try await rig.engine.remove(account, revoke: true) }
            #expect(rig.engine.view(of: account) == nil)
            #expect(try await rig.stored(account) == nil)
        }
    }
}

extension Rig {
    /// Does what waits for the clock, which is moved from one sleeper to the next.
    func passing(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let isOver = Mutex(false)
        async let end: Void = {
            defer { isOver.withLock { $0 = true } }
            try await body()
        }()
        await eventually("it is over") {
            if let next = self.clock.deadlines.min() { self.clock.advance(to: next) }
            return isOver.withLock { $0 }
        }
        try await end
    }
}
