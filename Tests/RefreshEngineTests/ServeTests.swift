@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

@Suite struct ServeTests {
    @Test func `a reader whose token has ended waits for the refresh and gets the new one`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: 600)
            rig.clock.advance(by: .seconds(600))
            let token = try await rig.engine.token(for: account, atLeast: nil)
            #expect(try Reply(token).accessToken == "canary-at-box/alice-2")
            #expect(token.lives(.seconds(3_000), from: rig.clock.now))
        }
    }

    @Test func `a token that has ended is never given out, whatever else fails`() async throws {
        let endpoint = ScriptedEndpoint { _, _ in .init(.error("server_error", status: 503)) }
        let rig = try Rig(.reusable, endpoint: endpoint)
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: 600)
            // Within its last second it is as good as ended: it would end on the way to the reader.
            rig.clock.advance(by: .seconds(599))
            let reader = Task { try await rig.engine.token(for: account, atLeast: nil) }
            for _ in 0..<40 where rig.engine.view(of: account)?.failure?.count ?? 0 < 8 {
                await eventually("failed or asleep") { rig.state(account) == .retrying }
                rig.turnWhenDue()
                await rig.settles(account)
                rig.clock.advance(by: .seconds(2))
            }
            await #expect(throws: EngineError.self) { try await reader.value }
        }
    }

    @Test func `asking for more life than the provider gives brings a warning, not a loop`() async throws {
        let rig = try Rig(.singleUse, endpoint: .counting(expiresIn: 600))
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: 600)
            rig.clock.advance(by: .seconds(60))
            let first = try await rig.engine.token(for: account, atLeast: .seconds(3_600))
            #expect(first.generation.number == 2)
            let warning = try Reply(first).warning
            #expect(warning?.contains("less than was asked for") == true)
            for _ in 0..<10 {
                let again = try await rig.engine.token(for: account, atLeast: .seconds(3_600))
                #expect(again.generation.number == 2)
            }
            #expect(rig.endpoint.count == 1)
        }
    }

    @Test func `a reader waits for a retry that is near, and is told of one that is far`() async throws {
        let rig = try Rig(.reusable)
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: 600)
            rig.clock.advance(by: .seconds(700))
            rig.endpoint.play(.json("{}", status: 503))
            let reader = Task { try await rig.engine.token(for: account, atLeast: nil) }
            await eventually("the first try failed") { rig.state(account) == .retrying }
            let retryAt = try #require(rig.engine.view(of: account)?.refreshAt)
            await eventually("the reader sleeps") { rig.clock.deadlines.contains(retryAt) }
            rig.turnWhenDue()
            #expect(try await reader.value.generation.number == 2)

            rig.clock.advance(by: .seconds(3_600))
            rig.endpoint.play(.error("slow_down", status: 429, retryAfter: 600))
            await #expect {
                try await rig.engine.token(for: account, atLeast: nil)
            } throws: { error in
                guard case .unavailable(account, cause: "rate_limited", retryAt: let moment?) = error as? EngineError
                else {
                    return false
                }
                return moment >= rig.clock.now + .seconds(600)
            }
        }
    }

    @Test func `nobody waits for longer than the patience`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: 600)
            rig.clock.advance(by: .seconds(700))
            let gate = Gate()
            rig.endpoint.play(.init(.next(after: "canary-rt-box/alice-1"), afterRelease: gate))
            let reader = Task { try await rig.engine.token(for: account, atLeast: nil) }
            await eventually("waits") { rig.engine.state.withLock { $0.waiterCount(of: account) } == 1 }
            rig.clock.advance(by: Engine.patience)
            await #expect(throws: EngineError.self) { try await reader.value }
            gate.open()
            await rig.settles(account)
            #expect(rig.served(account) == 2)
        }
    }

    @Test func `a token that does not end is served without an end and never refreshed`() async throws {
        let rig = try Rig(.reusable)
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: nil, hasRefreshToken: false)
            #expect(rig.state(account) == .static)
            #expect(rig.wakeSource.moment == nil)
            rig.clock.advance(by: .seconds(1_000_000))
            #expect(try Reply(try await rig.engine.token(for: account, atLeast: .seconds(86_400))).expiresAt == nil)
            #expect(try await rig.engine.refresh(account).generation.number == 1)
            #expect(rig.endpoint.count == 0)
        }
    }

    @Test func `a lazy account sleeps until somebody asks`() async throws {
        let rig = try Rig(.singleUse, mode: .lazy)
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: 600)
            #expect(rig.wakeSource.moment == nil)
            rig.clock.advance(by: .seconds(10_000))
            rig.engine.turn()
            #expect(rig.engine.attemptsInFlight == 0)
            #expect(try await rig.engine.token(for: account, atLeast: nil).generation.number == 2)
        }
    }

    @Test func `whoever does not exist is told so, and before everything is read in nobody knows`() async throws {
        let rig = try Rig()
        let account = try AccountID("box/nobody")
        await #expect(throws: EngineError.loading) { try await rig.engine.token(for: account, atLeast: nil) }
        await #expect(throws: EngineError.loading) { try await rig.engine.refresh(account) }
        await #expect(throws: EngineError.loading) { try await rig.engine.put(account, answer: [], issuedAt: nil) }
        try await rig.run {
            await #expect(throws: EngineError.accountNotFound(account)) {
                try await rig.engine.token(for: account, atLeast: nil)
            }
        }
    }

    @Test func `setting the wall clock moves what is told and nothing that is waited for`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            let due = rig.wakeSource.moment
            let told = try #require(try rig.reply(account).expiresAt)
            for shift in [Duration.seconds(86_400), .seconds(-86_400), .seconds(-999_000)] {
                rig.clock.utcShift = shift
                rig.engine.clockStepped(by: shift)
                rig.engine.turn()
                #expect(rig.wakeSource.moment == due)
                #expect(rig.engine.attemptsInFlight == 0)
                let token = try #require(rig.engine.table.token(for: account))
                #expect(try Reply(token).expiresAt == told + shift.components.seconds)
                #expect(token.lives(.seconds(3_500), from: rig.clock.now))
                #expect(rig.engine.view(of: account)?.facts.expiresAt?.seconds == told + shift.components.seconds)
            }
            rig.turnWhenDue()
            await rig.settles(account)
            // What is stored is UTC as it is now believed, so a restart with the right clock finds the same moments.
            let stored = try #require(try await rig.stored(account))
            #expect(stored.facts.issuedAt == rig.clock.now + rig.clock.utcShift)
            #expect(stored.dueAt == rig.engine.view(of: account)?.refreshAt)
        }
    }

    @Test func `a watcher hears of everything it may know, in order, and of nothing else`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let alice = try AccountID("box/alice")
            var events = rig.engine.watchers
                .events(Watchers.Filter(client: "box", account: nil) { $0 == alice }).makeAsyncIterator()
            try await rig.put("box/bob")
            try await rig.put("box/alice")
            rig.endpoint.play(.notSent(.connect))
            _ = try await rig.engine.refresh(alice)
            _ = try await rig.engine.refresh(alice)
            _ = try await rig.engine.pause(alice, true)
            try await rig.engine.remove(alice, revoke: false)
            var kinds: [Event.Kind] = []
            while kinds.last != .removed, let event = await events.next() {
                #expect(event.account.account == alice)
                kinds.append(event.kind)
            }
            #expect(kinds == [.added, .failed, .renewed, .state, .removed])
        }
    }

    @Test func `a watcher that does not read is let go, and nobody waits for it`() async throws {
        let rig = try Rig()
        try await rig.run {
            let account = try await rig.put("box/alice")
            let stream = rig.engine.watchers.events(Watchers.Filter(client: nil, account: nil) { _ in true })
            for _ in 0...Watchers.backlog { _ = try await rig.engine.pause(account, true) }
            #expect(rig.engine.watchers.isEmpty)
            var count = 0
            for await _ in stream { count += 1 }
            #expect(count == Watchers.backlog)
        }
    }
}
