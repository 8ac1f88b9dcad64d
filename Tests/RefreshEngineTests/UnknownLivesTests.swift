@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

/// A start with a wall clock that is behind what is stored (D04, D05).
@Suite struct UnknownLivesTests {
    private let store = InMemoryStore()
    private let clock = ManualClock(now: Timestamp(seconds: 1_000_000))

    private func fill(_ count: Int) async throws -> [AccountID] {
        let first = try Rig(.singleUse, store: self.store, clock: self.clock)
        var accounts: [AccountID] = []
        try await first.run { for number in 0..<count { accounts.append(try await first.put("box/\(number)")) } }
        return accounts
    }

    private func settle(_ rig: Rig) async {
        await eventually("those under way end") {
            rig.engine.state.withLock { state in
                !state.records.contains { [.inFlight, .committing].contains($0?.machine.phase) }
            }
        }
        rig.engine.pump()
    }

    @Test(arguments: [300, 500_000]) func `behind the last stored moment no token counts as living (D05)`(
        seconds: Int
    ) async throws {
        let accounts = try await self.fill(20)
        let behind = ManualClock(now: self.clock.now - .seconds(seconds))
        let gate = Gate()
        let second = try Rig(
            .singleUse,
            limits: LaneLimits(rate: 5, concurrency: 2, patience: .zero),
            endpoint: ScriptedEndpoint { request, _ in .init(.next(after: request.refreshToken), beforeRelease: gate) },
            store: self.store,
            clock: behind
        )
        try await second.run {
            for account in accounts {
                let token = try #require(second.engine.table.token(for: account))
                #expect(!token.lives(.zero, from: behind.now))
            }
            gate.open()
            let start = behind.now
            for _ in 0..<1_000 {
                await self.settle(second)
                guard let moment = second.wakeSource.moment, moment < start + .seconds(60) else { break }
                second.turnWhenDue()
            }
            // Through the lane, five a second, and not all at once.
            #expect(second.endpoint.count == 20)
            #expect(behind.now - start >= .seconds(3))
            #expect(accounts.allSatisfy { second.state($0) == .fresh && second.generation($0) == 2 })
        }
        #expect(second.log.entries.count { $0.metadata["message_id"] == LogEvent.clockStep.rawValue } == 1)
    }

    @Test func `a clock that is a few seconds behind changes nothing`() async throws {
        let accounts = try await self.fill(3)
        let second = try Rig(.singleUse, store: self.store, clock: ManualClock(now: self.clock.now - .seconds(30)))
        try await second.run {
            #expect(second.endpoint.count == 0)
            for account in accounts {
                let token = try #require(second.engine.table.token(for: account))
                #expect(token.lives(.seconds(3_000), from: second.clock.now))
            }
        }
    }

    @Test func `started in 1970, every schedule is right once the clock is set (D04)`() async throws {
        let accounts = try await self.fill(3)
        let early = ManualClock(now: Timestamp(seconds: 100))
        let gate = Gate()
        // Certificates that are not valid yet; afterwards they are.
        let endpoint = ScriptedEndpoint { request, number in
            number <= 3
                ? .init(.notSent(.tls)) : .init(.next(after: request.refreshToken), beforeRelease: gate)
        }
        let second = try Rig(.singleUse, endpoint: endpoint, store: self.store, clock: early)
        try await second.run {
            await self.settle(second)
            for account in accounts { #expect(second.state(account) == .retrying) }
            #expect(endpoint.count == 3)
            // Set, ten minutes after the tokens were issued.
            let step = Duration.seconds(1_000_600 - 100)
            early.utcShift = step
            second.engine.clockStepped(by: step)
            await second.engine.recallLives()
            for account in accounts {
                let token = try #require(second.engine.table.token(for: account))
                #expect(token.expiresAt == early.now + .seconds(3_000))
                let reply = try second.reply(account)
                #expect(reply.expiresAt == 1_003_600)
            }
            // Who had failed by a handshake goes again at once, as fast as second tries may.
            gate.open()
            let start = early.now
            for _ in 0..<1_000 {
                await self.settle(second)
                guard let moment = second.wakeSource.moment, moment < start + .seconds(60) else { break }
                second.turnWhenDue()
            }
            #expect(accounts.allSatisfy { second.state($0) == .fresh && second.generation($0) == 2 })
            #expect(endpoint.count == 6)
        }
    }

    @Test func `what could not be tried meanwhile is due when it always was, once the clock is set (D04)`()
        async throws
    {
        let accounts = try await self.fill(5)
        let early = ManualClock(now: Timestamp(seconds: 100))
        let second = try Rig(
            .singleUse,
            limits: LaneLimits(rate: 1, concurrency: 1, patience: .zero),
            endpoint: ScriptedEndpoint { request, number in
                number == 1 ? .init(.notSent(.tls)) : .init(.next(after: request.refreshToken))
            },
            store: self.store,
            clock: early
        )
        try await second.run {
            await self.settle(second)
            #expect(second.endpoint.count == 1)
            let step = Duration.seconds(1_000_600 - 100)
            early.utcShift = step
            second.engine.clockStepped(by: step)
            await second.engine.recallLives()
            let waiting = accounts.filter { second.state($0) == .fresh }
            #expect(waiting.count == 4)
            for account in waiting {
                let view = try #require(second.engine.view(of: account))
                #expect(view.facts.expiresAt == Timestamp(seconds: 1_003_600))
                let due = try #require(view.refreshAt)
                #expect(due > Timestamp(seconds: 1_002_000) && due <= Timestamp(seconds: 1_003_300))
            }
            // Nobody of them is sent before that.
            early.advance(by: .seconds(60))
            second.engine.turn()
            await self.settle(second)
            #expect(waiting.allSatisfy { second.generation($0) == 1 })
        }
    }
}
