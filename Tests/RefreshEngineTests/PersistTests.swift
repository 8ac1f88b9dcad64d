import Logging
@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

@Suite struct PersistTests {
    @Test func `while the store refuses, no attempt starts, and what has come is kept until it can be written`()
        async throws
    {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: 600)
            let other = try await rig.put("box/bob")
            rig.store.fail(.commit, times: .max)
            rig.turnWhenDue()
            await eventually("the commit failed") { rig.engine.state.withLock { $0.isStoreFailing } }
            #expect(rig.state(account) == .refreshing)
            #expect(rig.served(account) == 1, "nothing is seen that is not durable")

            rig.clock.advance(by: .seconds(4_000))
            rig.engine.turn()
            #expect(rig.engine.attemptsInFlight == 0)
            #expect(rig.state(other) == .fresh)

            rig.store.heal()
            rig.clock.advance(by: .seconds(5))
            await eventually("committed") { rig.served(account) == 2 && rig.generation(other) == 2 }
            #expect(rig.endpoint.requests.count { $0.refreshToken.hasPrefix("canary-rt-box/alice") } <= 2)
            #expect(rig.endpoint.requests.count { $0.refreshToken == "canary-rt-box/alice-1" } == 1)
            let kinds = rig.log.entries.compactMap { $0.metadata["message_id"].flatMap(LogEvent.init) }
            #expect(kinds.count { $0 == .storeUnavailable } == 1)
            #expect(kinds.count { $0 == .storeRecovered } == 1)
        }
    }

    @Test func `what has left before the store fails is not held back, and what has not left does not leave`()
        async throws
    {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            let other = try await rig.put("box/bob")
            let gate = Gate()
            rig.store.fail(.commit, times: .max)
            rig.endpoint.play(.init(.next(after: "canary-rt-box/bob-1"), beforeRelease: gate))
            let second = Task { try await rig.engine.refresh(other) }
            await rig.endpoint.requestsArrived(1)
            let first = Task { try await rig.engine.refresh(account) }
            await eventually("the commit failed") { rig.engine.state.withLock { $0.isStoreFailing } }
            gate.open()
            await rig.settles(other)
            #expect(rig.endpoint.requests.map(\.isReleased) == [false, true])
            #expect(rig.generation(other) == 1)
            rig.store.heal()
            rig.clock.advance(by: .seconds(1))
            #expect(try await first.value.generation.number == 2)
            _ = try? await second.value
        }
    }

    @Test func `a commit that was told as failed and yet is on disk is neither lost nor made twice`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.store.fail(.commit, .after)
            rig.turnWhenDue()
            await eventually("told as failed") { rig.engine.state.withLock { $0.isStoreFailing } }
            #expect(rig.served(account) == 1)
            await eventually("the committer sleeps") { !rig.clock.deadlines.isEmpty }
            rig.clock.advance(by: .seconds(5))
            await rig.settles(account)
            #expect(rig.served(account) == 2)
            #expect(try rig.reply(account).accessToken == "canary-at-box/alice-2")
            #expect(try await rig.stored(account)?.generation.number == 2)
            _ = try await rig.engine.refresh(account)
            #expect(rig.endpoint.requests.map(\.refreshToken) == ["canary-rt-box/alice-1", "canary-rt-box/alice-2"])
        }
    }

    @Test func `a token put while a commit is tried again is not taken for what that commit wrote`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.store.fail(.commit)
            rig.turnWhenDue()
            await eventually("told as failed") { rig.engine.state.withLock { $0.isStoreFailing } }
            let answer =
                #"{"access_token":"canary-put","token_type":"bearer","refresh_token":"canary-rt-put-1","expires_in":60}"#
            _ = try await rig.engine.put(account, answer: Array(answer.utf8), issuedAt: nil)
            await eventually("the committer sleeps") { !rig.clock.deadlines.isEmpty }
            rig.clock.advance(by: .seconds(5))
            await rig.settles(account)
            #expect(try rig.reply(account).accessToken == "canary-put")
            _ = try await rig.engine.refresh(account)
            #expect(rig.endpoint.requests.last?.refreshToken == "canary-rt-put-1")
        }
    }

    @Test func `a store that cannot be read costs no request`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.store.fail(.grant)
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.endpoint.count == 0)
            #expect(rig.engine.view(of: account)?.failure?.cause == .storeUnavailable)
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.generation(account) == 2)
        }
    }

    @Test func `a token that cannot be sealed is not published`() async throws {
        let rig = try Rig(.reusable)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.sealer.isBroken = true
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.served(account) == 1)
            #expect(rig.log.entries.contains { $0.level == .critical })
        }
    }

    @Test func `an edit that the store refuses is told and changes nothing`() async throws {
        let rig = try Rig()
        try await rig.run {
            let account = try await rig.put("box/alice")
            let gone = EngineError.unavailable(account, cause: "store_unavailable", retryAt: nil)
            rig.store.fail(.edit, times: 4)
            await #expect(throws: gone) { try await rig.put("box/alice") }
            await #expect(throws: gone) { try await rig.engine.pause(account, true) }
            await #expect(throws: gone) { try await rig.engine.pause(account, false) }
            await #expect(throws: gone) { try await rig.engine.deliver(account, sink: nil) }
            #expect(rig.generation(account) == 1)
            #expect(rig.state(account) == .fresh)
        }
    }

    @Test func `at the end of service what has left is awaited and kept, and what has not is given up`() async throws {
        let store = InMemoryStore()
        let rig = try Rig(.singleUse, store: store)
        let accounts = [try AccountID("box/alice"), try AccountID("box/bob")]
        let (early, late) = (Gate(), Gate())
        try await rig.run {
            for account in accounts { try await rig.put(account.name) }
            rig.endpoint.play(
                .init(.next(after: "canary-rt-box/alice-1"), afterRelease: late),
                .init(.next(after: "canary-rt-box/bob-1"), beforeRelease: early)
            )
            let first = Task { try await rig.engine.refresh(accounts[0]) }
            await rig.endpoint.requestsReleased(1)
            let second = Task { try await rig.engine.refresh(accounts[1]) }
            await rig.endpoint.requestsArrived(2)
            rig.engine.drain()
            // Nobody waits through the end of service.
            _ = try await first.value
            _ = try await second.value
            early.open()
            late.open()
        }
        #expect(try await rig.stored(accounts[0])?.generation.number == 2)
        #expect(try await rig.stored(accounts[1])?.generation.number == 1)
        #expect(rig.endpoint.requests.count(where: \.isReleased) == 1)
        #expect(rig.wakeSource.moment == nil)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a reader that comes during the end of service is turned away at once`() async throws {
        let rig = try Rig(.singleUse)
        let gate = Gate()
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: 600)
            rig.clock.advance(by: .seconds(700))
            rig.endpoint.play(.init(.next(after: "canary-rt-box/alice-1"), afterRelease: gate))
            rig.engine.turn()
            await rig.endpoint.requestsReleased(1)
            rig.engine.drain()
            await #expect(throws: EngineError.self) { try await rig.engine.token(for: account, atLeast: nil) }
            await #expect(throws: EngineError.conflict(account)) { try await rig.engine.remove(account, revoke: false) }
            gate.open()
        }
    }
}
