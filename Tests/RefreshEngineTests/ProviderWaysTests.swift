import OAuth
import RefreshCore
import TestSupport
import Testing

@testable import RefreshEngine

/// Providers that keep their tokens alive in other ways than the RFC's, or not at all.
@Suite(.timeLimit(.minutes(1))) struct ProviderWaysTests {
    private static let day: Duration = .seconds(86_400)

    /// A rig whose one client, `box`, has a built-in profile.
    private static func rig(
        _ profile: ProviderProfile,
        sinks: [SinkID: SinkBinding] = [:],
        mode: RefreshMode = .eager,
        endpoint: ScriptedEndpoint = Self.metaEndpoint(expiresIn: 5_184_000)
    ) throws -> Rig {
        try Rig(
            { endpoint in
                let id = try ClientID("box")
                let client = OAuthClient(
                    id: id,
                    profile: profile.filled(with: [:]),
                    clientID: "box-app",
                    clientSecret: Secret("canary-client-secret")
                )
                return EngineSettings(
                    clients: [
                        id: ClientSettings(
                            client: client,
                            endpoint: endpoint,
                            window: RefreshWindow(),
                            mode: mode,
                            limits: LaneLimits(patience: .zero)
                        )
                    ],
                    sinks: sinks
                )
            },
            endpoint: endpoint
        )
    }

    /// Answers with one new access token after the other, beginning with the second.
    private static func metaEndpoint(expiresIn: Int) -> ScriptedEndpoint {
        ScriptedEndpoint { _, number in .init(.token("canary-at-\(number + 1)", expiresIn: expiresIn)) }
    }

    private static func put(_ rig: Rig, _ answer: String) async throws -> AccountID {
        let account = try AccountID("box/alice")
        _ = try await rig.engine.put(account, answer: Array(answer.utf8), issuedAt: nil)
        return account
    }

    // MARK: Meta

    @Test func `a Facebook token is exchanged with itself, days before its end`() async throws {
        let rig = try Self.rig(BuiltInProfiles.facebook)
        try await rig.run {
            let begin = rig.clock.now
            let account = try await Self.put(rig, #"{"access_token":"canary-at-1","expires_in":5184000}"#)
            #expect(rig.state(account) == .fresh)
            let due = try #require(rig.wakeSource.moment)
            #expect((begin + Self.day * 44...begin + Self.day * 50).contains(due))
            for number in 1...3 {
                rig.turnWhenDue()
                await rig.endpoint.requestsReleased(number)
                await rig.settles(account)
                #expect(rig.endpoint.requests.last?.parameters["fb_exchange_token"] == "canary-at-\(number)")
                #expect(rig.endpoint.requests.last?.parameters["grant_type"] == "fb_exchange_token")
                #expect(try rig.reply(account).accessToken == "canary-at-\(number + 1)")
            }
            let view = try #require(rig.engine.view(of: account))
            #expect(view.facts.grantExpiresAt == view.facts.expiresAt)
        }
    }

    @Test(arguments: [RefreshMode.eager, .lazy])
    func `an expired Facebook token is final, and nobody is asked`(mode: RefreshMode) async throws {
        let rig = try Self.rig(BuiltInProfiles.facebook, mode: mode)
        try await rig.run {
            let account = try await Self.put(rig, #"{"access_token":"canary-at-1","expires_in":5184000}"#)
            rig.clock.advance(by: .seconds(5_184_001))
            rig.engine.turn()
            await eventually("it is told") { rig.state(account) == .needsAuthorization }
            #expect(rig.endpoint.count == 0)
            #expect(rig.wakeSource.moment == nil)
            await #expect(throws: EngineError.needsAuthorization(account, cause: "revoked")) {
                try await rig.engine.token(for: account, atLeast: nil)
            }
        }
    }

    @Test func `the refresh token of no sink is Meta's access token`() async throws {
        let sink = ScriptedSink()
        let id = try ClientID("box")
        let binding = sink.settings(clients: [id], sendsRefreshToken: true)
        let rig = try Self.rig(BuiltInProfiles.facebook, sinks: [try SinkID("uploads"): binding])
        try await rig.run {
            _ = try await Self.put(rig, #"{"access_token":"canary-at-1","expires_in":5184000}"#)
            await eventually("it is delivered") { sink.calls.count == 1 }
            #expect(sink.calls.first?.hasRefreshToken == false)
        }
    }

    @Test func `an Instagram token is not sent on its first day, whoever asks`() async throws {
        let rig = try Self.rig(BuiltInProfiles.instagram)
        try await rig.run {
            let account = try await Self.put(rig, #"{"access_token":"canary-at-1","expires_in":5184000}"#)
            let due = rig.engine.view(of: account)?.refreshAt
            #expect(try await rig.engine.refresh(account).generation.number == 1)
            #expect(rig.endpoint.count == 0)
            #expect(due != nil && rig.engine.view(of: account)?.refreshAt == due)
            #expect(rig.state(account) == .fresh)
            // A reader who wants more than there is gets what there is.
            let token = try await rig.engine.token(for: account, atLeast: .seconds(100 * 86_400))
            #expect(try Reply(token).warning != nil)
            #expect(rig.endpoint.count == 0)

            rig.clock.advance(by: Self.day + .seconds(1))
            #expect(try await rig.engine.refresh(account).generation.number == 2)
            #expect(
                rig.endpoint.requests.last?.parameters == [
                    "grant_type": "ig_refresh_token", "access_token": "canary-at-1",
                ]
            )
        }
    }

    @Test func `an Instagram token of an hour is exchanged for a long-lived one`() async throws {
        let rig = try Self.rig(BuiltInProfiles.instagram)
        try await rig.run {
            let account = try await Self.put(rig, #"{"access_token":"canary-at-1","expires_in":3600}"#)
            #expect(try #require(rig.wakeSource.moment) <= rig.clock.now + .seconds(1_800))
            rig.turnWhenDue()
            await rig.endpoint.requestsReleased(1)
            await rig.settles(account)
            #expect(rig.endpoint.requests.last?.parameters["grant_type"] == "ig_exchange_token")
            #expect(rig.generation(account) == 2)
        }
    }

    // MARK: None

    @Test func `Evernote's token is served until the moment it names, and then its owner is told`() async throws {
        let rig = try Self.rig(BuiltInProfiles.evernote)
        try await rig.run {
            let end = rig.clock.now + rig.clock.utcShift + .seconds(1_700_000_000)
            let account = try await Self.put(
                rig,
                #"{"oauth_token":"canary-at-1","oauth_token_secret":"","edam_expires":"\#(end.milliseconds)"}"#
            )
            #expect(rig.state(account) == .static)
            #expect(rig.engine.view(of: account)?.facts.expiresAt == end)
            #expect(rig.engine.view(of: account)?.refreshAt == nil)
            #expect(try await rig.engine.refresh(account).generation.number == 1)
            rig.turnWhenDue()
            await eventually("it is told") { rig.state(account) == .needsAuthorization }
            // Asking changes nothing, and begins nothing.
            _ = try await rig.engine.refresh(account)
            #expect(rig.state(account) == .needsAuthorization)
            #expect(rig.wakeSource.moment == nil)
            #expect(rig.endpoint.count == 0)
            #expect(rig.log.entries.contains { $0.metadata["message_id"] == LogEvent.grantDead.rawValue })
        }
    }

    @Test func `a token that ends and cannot be refreshed is watched after a restart too`() async throws {
        let store = InMemoryStore()
        let clock = ManualClock(now: Timestamp(seconds: 1_000_000))
        let first = try Rig(store: store, clock: clock)
        let account = try AccountID("box/alice")
        try await first.run { try await first.put("box/alice", expiresIn: 10_000, hasRefreshToken: false) }

        let second = try Rig(store: store, clock: clock)
        try await second.run {
            #expect(second.wakeSource.moment == clock.now + .seconds(10_000))
            second.turnWhenDue()
            await eventually("it is told") { second.state(account) == .needsAuthorization }
            _ = try await second.engine.refresh(account)
            #expect(second.state(account) == .needsAuthorization)
        }
    }

    @Test func `Flickr's token has no end, and nothing is ever scheduled`() async throws {
        let rig = try Self.rig(BuiltInProfiles.flickr)
        try await rig.run {
            let account = try await Self.put(rig, #"{"oauth_token":"canary-at-1","oauth_token_secret":"canary-ts"}"#)
            #expect(rig.state(account) == .static)
            #expect(rig.wakeSource.moment == nil)
            rig.clock.advance(by: Self.day * 3_650)
            #expect(try rig.reply(account).accessToken == "canary-at-1")
        }
    }

    @Test func `VK's lifetime of zero means for ever`() async throws {
        let rig = try Self.rig(BuiltInProfiles.vkLegacy)
        try await rig.run {
            let account = try await Self.put(rig, #"{"access_token":"canary-at-1","expires_in":0,"user_id":7}"#)
            #expect(rig.state(account) == .static)
            #expect(try rig.reply(account).expiresAt == nil)
        }
    }

    // MARK: Drift

    @Test func `a provider that begins to rotate is told once, until it changes again`() async throws {
        var profile = BuiltInProfiles.rfc6749
        profile.tokenEndpoint = "https://provider.test/token"
        profile.habit = .reusable
        let rig = try Self.rig(profile, endpoint: .counting())
        func told() -> Int { rig.log.entries.count { $0.metadata["message_id"] == LogEvent.providerChanged.rawValue } }
        func refresh(_ account: AccountID, _ count: Int = 1) async throws {
            for _ in 0..<count {
                rig.clock.advance(by: .seconds(900))
                _ = try await rig.engine.refresh(account)
            }
        }
        try await rig.run {
            let account = try await rig.put("box/alice")
            try await refresh(account, 3)
            #expect(told() == 1)
            // As its profile says, and then not again.
            rig.endpoint.play(.token("canary-at-x"))
            try await refresh(account, 2)
            #expect(told() == 2)
            try await refresh(account, 2)
            #expect(told() == 2)
        }
    }
}
