@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

@Suite struct EditingTests {
    private func answer(_ accessToken: String, refreshToken: String? = nil, expiresIn: Int = 3_600) -> [UInt8] {
        let refresh = refreshToken.map { #","refresh_token":"\#($0)""# } ?? ""
        return Array(
            #"{"access_token":"\#(accessToken)","token_type":"bearer","expires_in":\#(expiresIn)\#(refresh)}"#.utf8
        )
    }

    @Test func `an account that is authorized again goes on with its generations and is good again`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.endpoint.play(.error("invalid_grant"))
            _ = try await rig.engine.refresh(account)
            #expect(rig.state(account) == .needsAuthorization)
            let view = try await rig.engine.put(
                account,
                answer: self.answer("canary-b", refreshToken: "canary-rt-b-1"),
                issuedAt: nil
            )
            #expect(view.state == .fresh && view.generation.number == 2 && view.failure == nil)
            #expect(try rig.reply(account).warning == nil)
            _ = try await rig.engine.refresh(account)
            #expect(rig.endpoint.requests.last?.refreshToken == "canary-rt-b-1")
        }
    }

    @Test func `an answer without a refresh token leaves the one that is there`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            let view = try await rig.engine.put(account, answer: self.answer("canary-b"), issuedAt: nil)
            #expect(view.state == .fresh)
            _ = try await rig.engine.refresh(account)
            #expect(rig.endpoint.requests.last?.refreshToken == "canary-rt-box/alice-1")
        }
    }

    @Test func `a token put while a refresh is on its way stays, and the refresh's is dropped`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            let gate = Gate()
            rig.endpoint.play(.init(.next(after: "canary-rt-box/alice-1"), afterRelease: gate))
            rig.turnWhenDue()
            await rig.endpoint.requestsReleased(1)
            _ = try await rig.engine.put(
                account,
                answer: self.answer("canary-put", refreshToken: "canary-rt-put-1"),
                issuedAt: nil
            )
            #expect(rig.state(account) == .refreshing)
            gate.open()
            await rig.settles(account)
            #expect(rig.generation(account) == 2)
            #expect(try rig.reply(account).accessToken == "canary-put")
            #expect(rig.state(account) == .fresh)
            let due = try #require(rig.wakeSource.moment)
            #expect(due > rig.clock.now + .seconds(2_000), "the new token's own moment")
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.endpoint.requests.map(\.refreshToken) == ["canary-rt-box/alice-1", "canary-rt-put-1"])
        }
    }

    @Test func `a new grant does not inherit the doubts about the old one`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            let gate = Gate()
            rig.endpoint.play(
                .init(.silence(.closed)),
                .init(.silence(.closed)),
                .init(.silence(.closed), afterRelease: gate)
            )
            for _ in 0..<2 {
                rig.turnWhenDue()
                await rig.settles(account)
            }
            rig.turnWhenDue()
            await rig.endpoint.requestsReleased(3)
            _ = try await rig.engine.put(
                account,
                answer: self.answer("canary-put", refreshToken: "canary-rt-put-1"),
                issuedAt: nil
            )
            gate.open()
            await rig.settles(account)
            #expect(rig.state(account) == .fresh)
            rig.endpoint.play(.silence(.closed))
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.state(account) == .inDoubt)
            #expect(rig.engine.view(of: account)?.failure?.count == 1)
            #expect(rig.wakeSource.moment != nil, "the first doubt is followed up")
        }
    }

    @Test func `a token put for an account that waits in its lane calls it back, and whoever waits is served`()
        async throws
    {
        let rig = try Rig(.singleUse, limits: LaneLimits(concurrency: 1, patience: .zero))
        try await rig.run {
            let first = try await rig.put("box/first")
            let second = try await rig.put("box/second", expiresIn: 600)
            let gate = Gate()
            rig.endpoint.play(.init(.next(after: "canary-rt-box/first-1"), afterRelease: gate))
            rig.clock.advance(by: .seconds(700))
            let refresh = Task { try await rig.engine.refresh(first) }
            await rig.endpoint.requestsReleased(1)
            let reader = Task { try await rig.engine.token(for: second, atLeast: nil) }
            await eventually("waits") { rig.engine.state.withLock { $0.waiterCount(of: second) } == 1 }
            _ = try await rig.engine.put(
                second,
                answer: self.answer("canary-put", refreshToken: "canary-rt-put-1"),
                issuedAt: nil
            )
            #expect(try Reply(try await reader.value).accessToken == "canary-put")
            gate.open()
            _ = try await refresh.value
            #expect(rig.endpoint.count == 1)
            #expect(rig.generation(second) == 2)
        }
    }

    @Test func `what makes no sense is refused before anything is written`() async throws {
        let rig = try Rig()
        try await rig.run {
            let account = try AccountID("box/alice")
            let stranger = try AccountID("dropbox/alice")
            await #expect(throws: EngineError.clientNotFound("dropbox")) {
                try await rig.engine.put(stranger, answer: self.answer("canary-a"), issuedAt: nil)
            }
            for bad in ["", "{}", #"{"error":"invalid_grant"}"#, "[1]"] {
                await #expect(throws: EngineError.self) {
                    try await rig.engine.put(account, answer: Array(bad.utf8), issuedAt: nil)
                }
            }
            let future = rig.clock.now + .seconds(3_600)
            await #expect(throws: EngineError.invalidParameter("issued_at: it lies in the future")) {
                try await rig.engine.put(account, answer: self.answer("canary-a"), issuedAt: future)
            }
            #expect(rig.engine.status.accounts == 0)
            #expect(rig.store.calls(of: .edit) == 0)
        }
    }

    @Test func `a token that came some time ago is refreshed that much sooner`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try AccountID("box/alice")
            let issued = rig.clock.now - .seconds(3_500)
            _ = try await rig.engine.put(
                account,
                answer: self.answer("canary-a", refreshToken: "canary-rt-a-1"),
                issuedAt: issued
            )
            rig.engine.turn()
            await eventually("renewed") { rig.generation(account) == 2 }
        }
    }

    @Test func `a removed account is gone from everywhere, and its name begins anew`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            _ = try await rig.engine.refresh(account)
            try await rig.engine.remove(account, revoke: false)
            #expect(rig.engine.view(of: account) == nil)
            #expect(rig.engine.table.token(for: account) == nil)
            #expect(try await rig.stored(account) == nil)
            #expect(rig.wakeSource.moment == nil)
            await #expect(throws: EngineError.accountNotFound(account)) {
                try await rig.engine.remove(account, revoke: false)
            }
            try await rig.put("box/alice")
            #expect(rig.served(account) == 1)
        }
    }

    @Test func `a removal waits for the refresh that is on its way`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            let gate = Gate()
            rig.endpoint.play(.init(.next(after: "canary-rt-box/alice-1"), afterRelease: gate))
            rig.turnWhenDue()
            await rig.endpoint.requestsReleased(1)
            let removal = Task { try await rig.engine.remove(account, revoke: false) }
            await eventually("waits") { rig.engine.state.withLock { $0.waiterCount(of: account) } == 1 }
            gate.open()
            try await removal.value
            #expect(rig.engine.table.token(for: account) == nil)
            await eventually("nothing is under way") { rig.engine.attemptsInFlight == 0 }
        }
    }

    @Test func `a paused account is not refreshed by the clock, is served while its token lives, and resumes`()
        async throws
    {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            #expect(try await rig.engine.pause(account, true).state == .paused)
            #expect(rig.wakeSource.moment == nil)
            #expect(try await rig.engine.token(for: account, atLeast: nil).generation.number == 1)
            rig.clock.advance(by: .seconds(4_000))
            rig.engine.turn()
            #expect(rig.engine.attemptsInFlight == 0)
            await #expect(throws: EngineError.unavailable(account, cause: "paused", retryAt: nil)) {
                try await rig.engine.token(for: account, atLeast: nil)
            }
            #expect(try await rig.stored(account)?.isPaused == true)
            _ = try await rig.engine.pause(account, false)
            rig.turnWhenDue()
            await eventually("renewed") { rig.generation(account) == 2 }
        }
    }

    @Test func `a person's refresh goes through a pause`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            _ = try await rig.engine.pause(account, true)
            #expect(try await rig.engine.refresh(account).generation.number == 2)
            #expect(rig.state(account) == .paused)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `whoever waits for an account that is paused in its lane is told at once`() async throws {
        let rig = try Rig(.singleUse, limits: LaneLimits(concurrency: 1, patience: .zero))
        try await rig.run {
            let first = try await rig.put("box/first")
            let second = try await rig.put("box/second", expiresIn: 600)
            rig.clock.advance(by: .seconds(700))
            let gate = Gate()
            rig.endpoint.play(.init(.next(after: "canary-rt-box/first-1"), afterRelease: gate))
            let refresh = Task { try await rig.engine.refresh(first) }
            await rig.endpoint.requestsReleased(1)
            let reader = Task { try await rig.engine.token(for: second, atLeast: nil) }
            await eventually("waits") { rig.engine.state.withLock { $0.waiterCount(of: second) } == 1 }
            _ = try await rig.engine.pause(second, true)
            await #expect(throws: EngineError.unavailable(second, cause: "paused", retryAt: nil)) {
                try await reader.value
            }
            gate.open()
            _ = try await refresh.value
            #expect(rig.endpoint.count == 1)
        }
    }

    @Test func `a client that leaves the configuration keeps its tokens, and is good again when it returns`()
        async throws
    {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            let due = rig.wakeSource.moment
            let settings = rig.engine.state.withLock { $0.settings }
            var without = settings
            without.clients = [:]
            await rig.engine.apply(without)
            #expect(rig.state(account) == .misconfigured)
            #expect(rig.wakeSource.moment == nil)
            #expect(try await rig.engine.token(for: account, atLeast: nil).generation.number == 1)
            #expect(rig.engine.status.byState == [.misconfigured: 1])
            await rig.engine.apply(settings)
            #expect(rig.state(account) == .fresh)
            #expect(rig.wakeSource.moment == due)
        }
    }

    @Test func `a new configuration tries again whom only it could help`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.endpoint.play(.error("invalid_client", status: 401))
            _ = try await rig.engine.refresh(account)
            #expect(rig.state(account) == .misconfigured)
            await rig.engine.apply(rig.engine.state.withLock { $0.settings })
            #expect(rig.wakeSource.moment == rig.clock.now)
            rig.turnWhenDue()
            await rig.settles(account)
            #expect(rig.state(account) == .fresh)
        }
    }

    @Test func `a new configuration does not call back what is on its way, nor lose who waits in a lane`() async throws
    {
        let rig = try Rig(.singleUse, limits: LaneLimits(concurrency: 1, patience: .zero))
        try await rig.run {
            let accounts = [try await rig.put("box/a"), try await rig.put("box/b"), try await rig.put("box/c")]
            let gate = Gate()
            rig.endpoint.play(.init(.error("invalid_grant"), afterRelease: gate))
            rig.clock.advance(by: .seconds(3_400))
            rig.engine.turn()
            await rig.endpoint.requestsReleased(1)
            var settings = rig.engine.state.withLock { $0.settings }
            settings.clients[try ClientID("box")]?.limits.concurrency = 2
            await rig.engine.apply(settings)
            rig.turnWhenDue()
            await eventually("the others") { accounts.count { rig.generation($0) == 2 } == 2 }
            gate.open()
            await eventually("all") { rig.engine.attemptsInFlight == 0 }
            for account in accounts { await rig.settles(account) }
            #expect(rig.endpoint.count == 3)
            #expect(accounts.count { rig.state($0) == .needsAuthorization } == 1)
        }
    }

    @Test func `an explanation names what happens next, and no secret`() async throws {
        let rig = try Rig(.explosive)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.endpoint.play(.silence(.timeout))
            _ = try await rig.engine.refresh(account)
            let lines = try #require(rig.engine.explanation(of: account))
            #expect(lines.contains { $0.contains("refreshctl refresh") })
            #expect(!lines.joined().contains("canary-"))
            #expect(rig.engine.explanation(of: try AccountID("box/nobody")) == nil)
        }
    }
}
