@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

@Suite struct RestartTests {
    @Test func `accounts that fell due while nobody ran are refreshed at once, and served before that`() async throws {
        let (store, clock) = (InMemoryStore(), ManualClock(now: Timestamp(seconds: 1_000_000)))
        let first = try Rig(.singleUse, store: store, clock: clock)
        try await first.run { for number in 0..<20 { try await first.put("box/\(number)") } }
        clock.advance(by: .seconds(3_500))

        let second = try Rig(.singleUse, store: store, clock: clock)
        let gates = (0..<20).map { _ in Gate() }
        for gate in gates { second.endpoint.play(.init(.error("server_error", status: 503), beforeRelease: gate)) }
        try await second.run {
            #expect(second.engine.attemptsInFlight == 20)
            for number in 0..<20 {
                let token = try await second.engine.token(for: AccountID("box/\(number)"), atLeast: nil)
                #expect(try Reply(token).accessToken == "canary-at-box/\(number)-1")
            }
            for gate in gates { gate.open() }
        }
    }

    @Test func `a restart computes the same moments again`() async throws {
        let (store, clock) = (InMemoryStore(), ManualClock(now: Timestamp(seconds: 1_000_000)))
        let first = try Rig(.singleUse, store: store, clock: clock)
        let account = try AccountID("box/alice")
        var due: Timestamp?
        try await first.run {
            try await first.put("box/alice")
            due = first.wakeSource.moment
        }
        clock.advance(by: .seconds(100))
        let second = try Rig(.singleUse, store: store, clock: clock)
        try await second.run {
            #expect(second.wakeSource.moment == due)
            #expect(second.state(account) == .fresh)
        }
    }

    @Test func `how an account stood, paused or in trouble, is the same after a restart`() async throws {
        let (store, clock) = (InMemoryStore(), ManualClock(now: Timestamp(seconds: 1_000_000)))
        let first = try Rig(.explosive, store: store, clock: clock)
        let names = ["paused", "dead", "doubt", "trouble", "static"]
        let accounts = try names.map { try AccountID("box/\($0)") }
        var before: [AccountState?] = []
        try await first.run {
            for name in names { try await first.put("box/\(name)", hasRefreshToken: name != "static") }
            _ = try await first.engine.pause(accounts[0], true)
            first.endpoint.play(.init(.error("invalid_grant")), .init(.silence(.closed)), .init(.notSent(.tls)))
            for account in accounts[1...3] { _ = try await first.engine.refresh(account) }
            before = accounts.map { first.state($0) }
        }
        #expect(before == [.paused, .needsAuthorization, .inDoubt, .retrying, .static])
        let second = try Rig(.explosive, store: store, clock: clock)
        try await second.run {
            #expect(accounts.map { second.state($0) } == before)
            clock.advance(by: .seconds(3_000))
            second.engine.turn()
            await second.settles(accounts[3])
            #expect(second.endpoint.requests.map(\.refreshToken) == ["canary-rt-box/trouble-1"])
            let warning = try second.reply(accounts[1]).warning
            #expect(warning?.hasPrefix("needs_authorization") == true)
        }
    }

    @Test func `the accounts of many pages are all there`() async throws {
        let (store, clock) = (InMemoryStore(), ManualClock(now: Timestamp(seconds: 1_000_000)))
        let count = Loader.pageSize * 2
        let first = try Rig(.reusable, store: store, clock: clock)
        try await first.run { for number in 0..<count { try await first.put("box/\(number)") } }
        let second = try Rig(.reusable, store: store, clock: clock)
        try await second.run {
            #expect(second.engine.status.accounts == count)
            #expect(second.engine.status.byState == [.fresh: count])
            for number in 0..<count {
                let account = try AccountID("box/\(number)")
                #expect(second.served(account) == 1)
            }
            #expect(second.store.calls(of: .accounts) == 3)
        }
    }

    @Test func `a page that cannot be read ends the start instead of forgetting accounts`() async throws {
        let rig = try Rig()
        rig.store.fail(.accounts)
        await #expect(throws: StoreError.self) { try await Loader(engine: rig.engine).run() }
        #expect(rig.engine.isLoading)
    }

    @Test func `a wall clock that was set between two runs moves no deadline by more than it was wrong`() async throws {
        let (store, clock) = (InMemoryStore(), ManualClock(now: Timestamp(seconds: 1_000_000)))
        let first = try Rig(.singleUse, store: store, clock: clock)
        var due: Timestamp?
        try await first.run {
            clock.utcShift = .seconds(7_200)
            first.engine.clockStepped(by: .seconds(7_200))
            try await first.put("box/alice")
            due = first.wakeSource.moment
        }
        // The next process lays its line on the clock as it is now.
        let later = ManualClock(now: clock.now + .seconds(7_200))
        let second = try Rig(.singleUse, store: store, clock: later)
        try await second.run {
            let before = try #require(due)
            #expect(second.wakeSource.moment == before + .seconds(7_200))
        }
    }
}
