import Logging
@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

@Suite struct RefreshTests {
    @Test func `an account that falls due is refreshed by one request, committed, and then seen by everybody`()
        async throws
    {
        let sink = ScriptedSink()
        let box = try ClientID("box")
        let rig = try Rig(.singleUse, sinks: [try SinkID("app"): sink.settings(clients: [box])])
        try await rig.run {
            let account = try await rig.put("box/alice")
            await eventually("first delivery") { sink.generations == [1] }
            var events = rig.engine.watchers
                .events(Watchers.Filter(client: nil, account: nil) { _ in true }).makeAsyncIterator()

            #expect(rig.state(account) == .fresh)
            let due = try #require(rig.wakeSource.moment)
            #expect(due == rig.engine.view(of: account)?.refreshAt)
            rig.clock.advance(to: due - .milliseconds(1))
            rig.engine.turn()
            #expect(rig.engine.attemptsInFlight == 0, "not before its time")
            rig.clock.advance(by: .milliseconds(1))
            rig.engine.turn()
            #expect(rig.engine.attemptsInFlight == 1)

            var renewed = await events.next()
            while let event = renewed, event.kind != .renewed { renewed = await events.next() }
            #expect(renewed?.account.generation.number == 2)
            #expect(rig.served(account) == 2)
            #expect(try await rig.stored(account)?.generation.number == 2)
            await eventually("delivery") { sink.generations == [1, 2] }
            await rig.settles(account)
            #expect(rig.endpoint.requests.map(\.refreshToken) == ["canary-rt-box/alice-1"])
            #expect(rig.state(account) == .fresh)
            #expect(try #require(rig.wakeSource.moment) > due)
        }
    }

    @Test func `a token's life is counted from the moment of sending`() async throws {
        let rig = try Rig()
        try await rig.run {
            let account = try await rig.put("box/alice")
            let gate = Gate()
            rig.endpoint.play(.init(.next(after: "canary-rt-box/alice-1"), afterRelease: gate))
            rig.turnWhenDue()
            let sentAt = rig.clock.now
            await rig.endpoint.requestsReleased(1)
            rig.clock.advance(by: .seconds(20))
            gate.open()
            await rig.settles(account)
            #expect(rig.engine.view(of: account)?.facts.expiresAt == sentAt + .seconds(3_600))
        }
    }

    @Test func `whoever asks while a refresh is under way joins it`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: 600)
            rig.clock.advance(by: .seconds(599))
            let gate = Gate()
            rig.endpoint.play(.init(.next(after: "canary-rt-box/alice-1"), afterRelease: gate))
            let generations = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<1_000 {
                    group.addTask {
                        number.isMultiple(of: 3)
                            ? try await rig.engine.refresh(account).generation.number
                            : try await rig.engine.token(for: account, atLeast: .seconds(60)).generation.number
                    }
                }
                await eventually("everybody waits") {
                    rig.engine.state.withLock { $0.waiterCount(of: account) } == 1_000
                }
                gate.open()
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(generations == [2])
            #expect(rig.endpoint.count == 1)
        }
    }

    @Test func `a caller that goes away does not cancel the refresh it waited for`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: 600)
            rig.clock.advance(by: .seconds(700))
            let gate = Gate()
            rig.endpoint.play(.init(.next(after: "canary-rt-box/alice-1"), afterRelease: gate))
            let caller = Task { try await rig.engine.token(for: account, atLeast: nil) }
            await rig.endpoint.requestsReleased(1)
            caller.cancel()
            await #expect(throws: EngineError.self) { try await caller.value }
            #expect(rig.state(account) == .refreshing)
            gate.open()
            await rig.settles(account)
            #expect(rig.served(account) == 2)
        }
    }

    @Test func `a dead grant that use spends is asked about once and then left alone`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.endpoint.play(.error("invalid_grant"))
            rig.turnWhenDue()
            await rig.settles(account)
            let view = try #require(rig.engine.view(of: account))
            #expect(view.state == .needsAuthorization)
            #expect(view.failure?.cause == .revoked)
            #expect(view.refreshAt == nil)
            #expect(rig.wakeSource.moment == nil, "nothing is scheduled")
            // The old token is served to its end, with a warning; then a person is needed.
            let token = try await rig.engine.token(for: account, atLeast: nil)
            let warning = try Reply(token).warning
            #expect(warning?.hasPrefix("needs_authorization") == true)
            rig.clock.advance(by: .seconds(3_600))
            await #expect(throws: EngineError.needsAuthorization(account, cause: "revoked")) {
                try await rig.engine.token(for: account, atLeast: nil)
            }
            #expect(rig.endpoint.count == 1)
        }
    }

    @Test func `a grant that use does not spend gets one second look, no third`() async throws {
        let rig = try Rig(.reusable)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.endpoint.play(.init(.error("invalid_grant")), .init(.error("invalid_grant")))
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.state(account) == .needsAuthorization)
            #expect(rig.wakeSource.moment == rig.clock.now + .seconds(60))
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.endpoint.count == 2)
            #expect(rig.wakeSource.moment == nil)
        }
    }

    @Test func `passing trouble climbs the ladder and leaves no trace once it is over`() async throws {
        let rig = try Rig()
        try await rig.run {
            let account = try await rig.put("box/alice")
            for number in 1...4 {
                rig.endpoint.play(.json("{}", status: 503))
                rig.turnWhenDue()
                await rig.settles(account)
                #expect(rig.state(account) == .retrying)
                let wait = RetryLadder.transient.wait(after: number, phase: account.phase)
                #expect(rig.engine.view(of: account)?.failure?.retryAt == rig.clock.now + wait)
                #expect(rig.engine.view(of: account)?.failure?.count == number)
                #expect(rig.wakeSource.moment == rig.clock.now + wait)
            }
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.state(account) == .fresh)
            #expect(rig.engine.view(of: account)?.failure == nil)
            #expect(try rig.reply(account).warning == nil)
        }
    }

    @Test func `Retry-After closes the lane it came through and no other`() async throws {
        let endpoint = ScriptedEndpoint.counting()
        let rig = try Rig(
            { endpoint in
                EngineSettings(
                    clients: [
                        try ClientID("box"): try .client(
                            "box",
                            endpoint,
                            limits: LaneLimits(concurrency: 1, patience: .zero)
                        ),
                        try ClientID("gdrive"): try .client("gdrive", endpoint),
                    ],
                    sinks: [:]
                )
            },
            endpoint: endpoint
        )
        try await rig.run {
            let first = try await rig.put("box/alice")
            let second = try await rig.put("box/bob")
            let other = try await rig.put("gdrive/alice")
            endpoint.play(.error("slow_down", status: 429, retryAfter: 120))
            let asked = Task { try await rig.engine.refresh(first) }
            await eventually("refused") { rig.state(first) == .retrying }
            _ = try await asked.value
            let box = try #require(rig.engine.status.clients.first { $0.client.name == "box" })
            #expect(try #require(box.closedUntil) >= rig.clock.now + .seconds(120))

            #expect(try await rig.engine.refresh(other).generation.number == 2)
            let waiting = Task { try await rig.engine.refresh(second) }
            await eventually("queued") { rig.engine.state.withLock { $0.record(of: second)?.machine.phase } == .queued }
            rig.engine.turn()
            #expect(rig.engine.attemptsInFlight == 0)
            let opens = try #require(box.closedUntil)
            rig.clock.advance(to: opens - .milliseconds(1))
            rig.engine.turn()
            #expect(rig.engine.attemptsInFlight == 0)
            #expect(rig.wakeSource.moment == opens)
            rig.turnWhenDue()
            await eventually("renewed") { rig.generation(second) == 2 }
            _ = try await waiting.value
        }
    }

    @Test func `a refused client costs few requests however many accounts it has, and a retry soon after`() async throws
    {
        let endpoint = ScriptedEndpoint { _, _ in ScriptedEndpoint.Step(.error("invalid_client", status: 401)) }
        let rig = try Rig(.reusable, limits: LaneLimits(concurrency: 8, patience: .zero), endpoint: endpoint)
        try await rig.run {
            for number in 0..<200 { try await rig.put("box/\(number)") }
            rig.clock.advance(by: .seconds(3_400))
            rig.engine.turn()
            await eventually("refused") { rig.engine.attemptsInFlight == 0 }
            #expect(endpoint.count <= 8)
            let closed = try #require(rig.engine.status.clients[0].closedUntil)
            #expect(closed <= rig.clock.now + .seconds(66), "requests under way together are one refusal")
            let refused = try #require(try await rig.store.accounts(after: nil, limit: 200).first { $0.failure != nil })
            await rig.settles(refused.account)
            #expect(rig.state(refused.account) == .misconfigured)
            #expect(rig.engine.view(of: refused.account)?.failure?.cause == .clientRejected)
        }
    }

    @Test func `a request that never left is sent again with the same grant, as often as it takes`() async throws {
        let rig = try Rig(.explosive)
        try await rig.run {
            let account = try await rig.put("box/alice")
            for _ in 0..<3 {
                rig.endpoint.play(.notSent(.connect))
                rig.turnWhenDue()
                await rig.settles(account)
                #expect(rig.state(account) == .retrying)
            }
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.generation(account) == 2)
            #expect(Set(rig.endpoint.requests.map(\.refreshToken)) == ["canary-rt-box/alice-1"])
            #expect(rig.endpoint.requests.count(where: \.isReleased) == 1)
        }
    }

    /// How often a grant is redeemed when no answer ever comes, and how the account stands then.
    @Test(arguments: [
        (RotationHabit.explosive, 1, AccountState.inDoubt),
        (.unknown, 1, .inDoubt),
        (.singleUse, 20, .inDoubt),
        (.reusable, 20, .inDoubt),
    ])
    func `an unknown outcome is repeated as often as its class allows`(
        _ habit: RotationHabit,
        _ redeems: Int,
        _ state: AccountState
    ) async throws {
        let endpoint = ScriptedEndpoint { _, _ in .init(.silence(.timeout)) }
        let rig = try Rig(habit, endpoint: endpoint)
        try await rig.run {
            let account = try await rig.put("box/alice")
            for _ in 0..<200 where rig.wakeSource.moment != nil && endpoint.count < 20 {
                rig.turnWhenDue()
                await rig.settles(account)
            }
            #expect(endpoint.count == redeems)
            #expect(rig.state(account) == state)
            #expect(rig.engine.view(of: account)?.failure?.cause == (redeems == 20 ? .timeout : .answerLost))
        }
    }

    @Test func `a single-use grant is sent again twice at once, and then in no hurry`() async throws {
        let endpoint = ScriptedEndpoint { _, _ in .init(.silence(.closed)) }
        let rig = try Rig(.singleUse, endpoint: endpoint)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.turnWhenDue()
            await rig.settles(account)
            let first = rig.clock.now
            while rig.clock.now < first + .seconds(20), let moment = rig.wakeSource.moment,
                moment < first + .seconds(20)
            {
                rig.turnWhenDue()
                await rig.settles(account)
            }
            #expect(endpoint.count == 3)
            endpoint.play(.error("invalid_grant"))
            // The lane is in trouble by now, so it takes its time.
            await eventually("the provider says so") {
                rig.clock.advance(by: .seconds(5))
                rig.engine.turn()
                await rig.settles(account)
                return rig.state(account) == .needsAuthorization
            }
            #expect(rig.engine.view(of: account)?.failure?.cause == .answerLost, "the loss is ours, nobody revoked")
        }
    }

    @Test func `within the grace a lost answer is fetched again at once, and after it in no hurry`() async throws {
        let endpoint = ScriptedEndpoint { _, _ in .init(.silence(.closed)) }
        let rig = try Rig(.graceful, endpoint: endpoint)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.turnWhenDue()
            await rig.settles(account)
            let first = rig.clock.now
            while rig.clock.now < first + .seconds(30), let moment = rig.wakeSource.moment,
                moment < first + .seconds(30)
            {
                rig.turnWhenDue()
                await rig.settles(account)
            }
            let within = endpoint.count
            #expect(within > 3)
            rig.clock.advance(to: first + .seconds(59))
            rig.engine.turn()
            await rig.settles(account)
            #expect(endpoint.count <= within + 1)
            #expect(rig.state(account) == .inDoubt, "nobody has said that it is dead")
            endpoint.play(.error("invalid_grant"))
            // The lane is in trouble by now, so it takes its time.
            await eventually("the provider says so") {
                rig.clock.advance(by: .seconds(5))
                rig.engine.turn()
                await rig.settles(account)
                return rig.state(account) == .needsAuthorization
            }
            #expect(rig.engine.view(of: account)?.failure?.cause == .graceMissed)
        }
    }

    @Test func `a refresh token that comes alone is kept and used for the next refresh`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.endpoint.play(.json(#"{"refresh_token":"canary-rt-box/alice-7"}"#))
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.state(account) == .retrying)
            let token = try #require(rig.engine.table.token(for: account))
            #expect(try Reply(token).accessToken == "canary-at-box/alice-1")
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.endpoint.requests.last?.refreshToken == "canary-rt-box/alice-7")
            #expect(rig.state(account) == .fresh)
        }
    }

    @Test func `a grant that does not open is told as a lost key, and nothing is sent`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.sealer.isKeyLost = true
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.engine.view(of: account)?.failure?.cause == .keyLost)
            #expect(rig.endpoint.count == 0)
        }
    }

    @Test func `one crowded lane does not keep another waiting`() async throws {
        let endpoint = ScriptedEndpoint.counting()
        let rig = try Rig(
            { endpoint in
                var settings = EngineSettings(
                    clients: [
                        try ClientID("box"): try .client("box", endpoint),
                        try ClientID("gdrive"): try .client("gdrive", endpoint),
                    ],
                    sinks: [:]
                )
                settings.maximumInFlight = 4
                return settings
            },
            endpoint: endpoint
        )
        try await rig.run {
            for number in 0..<40 { try await rig.put("box/\(number)") }
            let quiet = [try await rig.put("gdrive/a"), try await rig.put("gdrive/b")]
            let gates = (0..<4).map { _ in Gate() }
            for gate in gates { endpoint.play(.init(.error("invalid_grant"), beforeRelease: gate)) }
            rig.clock.advance(by: .seconds(3_400))
            rig.engine.turn()
            await endpoint.requestsArrived(4)
            #expect(rig.engine.attemptsInFlight == 4)
            let hosts = endpoint.requests.prefix(4).map(\.url)
            #expect(hosts.count { $0.hasPrefix("https://gdrive.") } == 2)
            for gate in gates { gate.open() }
            for account in quiet { await rig.settles(account) }
            await eventually("the rest") { rig.engine.attemptsInFlight == 0 }
            #expect(endpoint.count == 42)
        }
    }
}
