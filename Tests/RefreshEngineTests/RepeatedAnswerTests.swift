import OAuth
import RefreshCore
import TestSupport
import Testing

@testable import RefreshEngine

/// A provider that gives a lost answer again within the grace, with what is left of its token's life (catalogue F18, F19,
/// F30).
@Suite struct RepeatedAnswerTests {
    private static let grace = RotationHabit(
        rotation: .grace,
        blast: .family,
        grace: .seconds(7_200),
        killsAccessToken: false
    )

    private static func repeated(_ expiresIn: Int?) -> ScriptedEndpoint.Reply {
        .token("canary-at-box/alice-2", refreshToken: "canary-rt-box/alice-2", expiresIn: expiresIn)
    }

    /// Its answer to a refresh is lost, and it is reached again only when the lost token, and the one before, have ended.
    private func replayed(_ rig: Rig, _ reply: ScriptedEndpoint.Reply) async throws -> AccountID {
        let account = try await rig.put("box/alice")
        rig.endpoint.play(.silence(.closed))
        rig.endpoint.play(reply)
        _ = try? await rig.engine.refresh(account)
        await rig.settles(account)
        #expect(rig.state(account) == .inDoubt)
        rig.clock.advance(by: .seconds(3_700))
        rig.engine.turn()
        await eventually("replayed") { rig.endpoint.count == 2 }
        await rig.settles(account)
        #expect(rig.endpoint.requests.map(\.refreshToken) == Array(repeating: "canary-rt-box/alice-1", count: 2))
        return account
    }

    private func isServed(_ rig: Rig, _ account: AccountID) -> Bool {
        rig.engine.table.token(for: account)?.lives(.zero, from: rig.clock.now) ?? false
    }

    @Test(arguments: [0, -3_600])
    func `a token that had ended when it was given again is not served, and is refreshed soon`(
        _ expiresIn: Int
    ) async throws {
        let sink = ScriptedSink()
        let box = try ClientID("box")
        let rig = try Rig(Self.grace, sinks: [try SinkID("app"): sink.settings(clients: [box])])
        try await rig.run {
            let account = try await self.replayed(rig, Self.repeated(expiresIn))
            #expect(rig.generation(account) == 2, "its refresh token is kept")
            #expect(rig.state(account) != .fresh && !self.isServed(rig, account))
            #expect(rig.engine.view(of: account)?.refreshAt == rig.clock.now + RefreshWindow.floor)
            // Whoever asks waits for the next one.
            let asked = Task { try await rig.engine.token(for: account, atLeast: nil) }
            await rig.pass(RefreshWindow.floor)
            await eventually("refreshed") { rig.generation(account) == 3 }
            #expect(try Reply(try await asked.value).accessToken == "canary-at-box/alice-3")
            #expect(rig.state(account) == .fresh && self.isServed(rig, account))
            #expect(rig.endpoint.requests.map(\.refreshToken).last == "canary-rt-box/alice-2")
            #expect(rig.endpoint.count == 3)
            await eventually("delivered") { sink.generations.last == 3 }
            #expect(sink.generations == [1, 3], "a token that has ended goes to nobody")
        }
    }

    @Test func `a provider that always says zero is asked once more, and then believed to say nothing`() async throws {
        let endpoint = ScriptedEndpoint.counting(expiresIn: 0)
        let rig = try Rig(Self.grace, endpoint: endpoint)
        try await rig.run {
            let account = try await self.replayed(rig, Self.repeated(0))
            await rig.pass(.seconds(600))
            #expect(rig.state(account) == .fresh && self.isServed(rig, account))
            #expect(rig.endpoint.count == 3, "no more than one refresh follows")
            let facts = try #require(rig.engine.view(of: account)?.facts)
            #expect(facts.expiresAt == facts.issuedAt + .seconds(1_800))
        }
    }

    @Test func `a life that an answer does not tell is the profile's, also when it is given again`() async throws {
        let rig = try Rig(Self.grace)
        try await rig.run {
            let account = try await self.replayed(rig, Self.repeated(nil))
            #expect(rig.state(account) == .fresh && rig.served(account) == 2)
            let facts = try #require(rig.engine.view(of: account)?.facts)
            #expect(facts.expiresAt == facts.issuedAt + .seconds(1_800))
        }
    }

    @Test func `where zero means never it does so in every answer`() async throws {
        let rig = try Rig({ endpoint in
            var box = try ClientSettings.client("box", endpoint, habit: Self.grace)
            box.client.profile.zeroLifetimeMeansNever = true
            return EngineSettings(clients: [box.client.id: box], sinks: [:])
        })
        try await rig.run {
            let account = try await self.replayed(rig, Self.repeated(0))
            #expect(rig.state(account) == .fresh && rig.served(account) == 2)
            #expect(rig.engine.view(of: account)?.facts.expiresAt == nil)
        }
    }

    @Test(arguments: [(number: 1, expected: AccountState.fresh), (2, .retrying)])
    func `of an answer that the last process left, only one to a second use may be a repetition`(
        number: Int,
        expected: AccountState
    ) async throws {
        let (store, clock) = (InMemoryStore(), ManualClock(now: Timestamp(seconds: 1_000_000)))
        let account = try AccountID("box/alice")
        let first = try Rig(Self.grace, store: store, clock: clock)
        try await first.run { try await first.put("box/alice") }
        clock.advance(by: .seconds(3_700))
        let journal = InMemoryJournal()
        let slot = try await journal.begin(
            AttemptIntent(
                account: account,
                generation: .first,
                number: number,
                fingerprint: ClearSealer().fingerprint(of: Secret("canary-rt-box/alice-1")),
                startedAt: clock.now
            ),
            isDurable: false
        )
        try journal.markSent(slot, at: clock.now)
        let body =
            #"{"access_token":"canary-at-box/alice-2","token_type":"Bearer","expires_in":0,"#
            + #""refresh_token":"canary-rt-box/alice-2"}"#
        try journal.keep(RawAnswer(status: 200, headers: [], body: Secret(body)), in: slot)

        let rig = try Rig(Self.grace, store: store, journal: journal.afterRestart(), clock: clock)
        try await rig.run {
            #expect(rig.generation(account) == 2 && rig.state(account) == expected)
            #expect(self.isServed(rig, account) == (number == 1))
            await rig.pass(RefreshWindow.floor)
            #expect(rig.state(account) == .fresh && self.isServed(rig, account))
            #expect(rig.endpoint.requests.map(\.refreshToken) == (number == 1 ? [] : ["canary-rt-box/alice-2"]))
        }
    }
}
