@testable import RefreshEngine
import RefreshCore
import TestSupport
import Testing

/// Providers known to end living tokens with a used refresh token: the replay waits for the token's last minute.
@Suite struct LateReplayTests {
    private static let touchy = RotationHabit(
        rotation: .singleUse,
        blast: .family,
        grace: .zero,
        killsAccessToken: false,
        reuseEndsTokens: true
    )

    @Test func `a lost answer is replayed when the token has a minute left, once`() async throws {
        let rig = try Rig(Self.touchy)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.endpoint.play(.silence(.closed))
            rig.endpoint.play(.silence(.closed))
            let end = try #require(rig.engine.view(of: account)?.facts.expiresAt)
            _ = try await rig.engine.refresh(account)
            #expect(rig.state(account) == .inDoubt)
            #expect(rig.engine.view(of: account)?.refreshAt == end - .seconds(60))
            rig.clock.advance(to: end - .seconds(61))
            rig.engine.turn()
            #expect(rig.endpoint.count == 1)
            rig.clock.advance(to: end - .seconds(60))
            rig.engine.turn()
            await rig.settles(account)
            #expect(rig.endpoint.count == 2)
            rig.clock.advance(by: .seconds(100_000))
            rig.engine.turn()
            await rig.settles(account)
            #expect(rig.endpoint.count == 2)
        }
    }

    @Test func `nor does a restart replay it any sooner`() async throws {
        let (store, clock) = (InMemoryStore(), ManualClock(now: Timestamp(seconds: 1_000_000)))
        let first = try Rig(Self.touchy, store: store, clock: clock)
        var end: Timestamp?
        try await first.run {
            let account = try await first.put("box/alice")
            end = first.engine.view(of: account)?.facts.expiresAt
        }
        // Killed after the last byte had left.
        let journal = InMemoryJournal()
        let slot = try await journal.begin(
            AttemptIntent(
                account: try AccountID("box/alice"),
                generation: .first,
                number: 1,
                fingerprint: ClearSealer().fingerprint(of: Secret("canary-rt-box/alice-1")),
                startedAt: clock.now
            ),
            isDurable: false
        )
        try journal.markSent(slot, at: clock.now)
        let second = try Rig(Self.touchy, store: store, journal: journal.afterRestart(), clock: clock)
        try await second.run {
            let last = try #require(end) - .seconds(60)
            let account = try AccountID("box/alice")
            #expect(second.engine.view(of: account)?.refreshAt == last)
            #expect(second.endpoint.count == 0)
        }
    }
}
