@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

/// The clock does what clocks do; the facts' group D.
@Suite struct TimeTests {
    private static let year = Duration.seconds(365 * 86_400)

    /// What a step of the wall clock looks like to the engine.
    private func step(_ rig: Rig, by step: Duration) {
        rig.clock.utcShift += step
        rig.engine.clockStepped(by: step)
        rig.engine.turn()
    }

    @Test(arguments: [TimeTests.year, .zero - TimeTests.year])
    func `a year's step of the wall clock refreshes nobody and lengthens no life (D01, D02)`(
        _ step: Duration
    ) async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let accounts = try await self.put(20, in: rig)
            let due = rig.wakeSource.moment
            let start = rig.clock.now
            self.step(rig, by: step)
            rig.clock.advance(by: .seconds(60))
            rig.engine.turn()
            #expect(rig.endpoint.count == 0)
            #expect(rig.wakeSource.moment == due)
            for account in accounts {
                let token = try #require(rig.engine.table.token(for: account))
                #expect(token.lives(.seconds(3_500), from: rig.clock.now))
                #expect(!token.lives(.zero, from: start + .seconds(3_600)), "never beyond the life it was issued with")
                // Told by the new UTC.
                #expect(try rig.reply(account).expiresAt == (start + .seconds(3_600) + step).seconds)
            }
            // And everybody is refreshed when they would have been.
            rig.clock.advance(to: start + .seconds(3_300))
            rig.engine.turn()
            for account in accounts { await rig.settles(account) }
            #expect(rig.endpoint.count == 20)
        }
    }

    @Test func `an hour to and fro every second for a minute changes nothing (D03)`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let accounts = try await self.put(5, in: rig)
            let due = rig.wakeSource.moment
            for second in 0..<60 {
                self.step(rig, by: .seconds(second.isMultiple(of: 2) ? 3_600 : -3_600))
                rig.clock.advance(by: .seconds(1))
                rig.engine.turn()
            }
            #expect(rig.endpoint.count == 0)
            #expect(rig.wakeSource.moment == due)
            #expect(try rig.reply(accounts[0]).expiresAt == (rig.clock.now + .seconds(3_540)).seconds)
        }
    }

    @Test func `after ten minutes or eight hours without a turn those go first who need it most (D06, D13)`()
        async throws
    {
        for pause in [Duration.seconds(600), .seconds(28_800)] {
            let rig = try Rig(.reusable, limits: LaneLimits(rate: 10, concurrency: 4, patience: .zero))
            try await rig.run {
                // Lives apart by more than the spread, so that their order is the order of their ends.
                for number in 0..<40 { try await rig.put("box/\(number)", expiresIn: 700 + 25 * number) }
                rig.clock.advance(by: pause)
                for number in 0..<40 {
                    let account = try AccountID("box/\(number)")
                    let token = try #require(rig.engine.table.token(for: account))
                    let isOver = pause >= .seconds(700 + 25 * Int64(number))
                    #expect(token.lives(.zero, from: rig.clock.now) == !isOver, "an expired token is valid for nobody")
                }
                let start = rig.clock.now
                rig.engine.turn()
                for _ in 0..<400 {
                    await eventually("those under way end") { rig.engine.attemptsInFlight == 0 }
                    rig.engine.pump()
                    guard rig.engine.attemptsInFlight == 0 else { continue }
                    guard let moment = rig.wakeSource.moment, moment <= start + .seconds(60) else { break }
                    rig.clock.advance(to: moment)
                    rig.engine.turn()
                }
                let order = rig.endpoint.requests.compactMap { request in
                    request.refreshToken.split(separator: "-").dropLast().last.flatMap { name in
                        name.split(separator: "/").last.flatMap { Int($0) }
                    }
                }
                #expect(order.count >= 1 && (pause < .seconds(28_800) || order.count == 40))
                // After the short pause others fall due during the drain, each in its own time.
                #expect(pause < .seconds(28_800) || order == order.sorted())
                // Four seconds' worth at ten a second, and no burst.
                let last = rig.clock.now - start
                #expect(last >= .milliseconds(100 * Int64(order.count - 1)))
            }
        }
    }

    @Test func `a life of 2^63 seconds overflows nothing and is looked at once a day (D11)`() async throws {
        let rig = try Rig(.singleUse, endpoint: .counting(expiresIn: .max))
        try await rig.run {
            let account = try await rig.put("box/alice", expiresIn: .max)
            for number in 1...5 {
                let now = rig.clock.now
                let due = try #require(rig.wakeSource.moment)
                #expect(due > now && due <= now + .seconds(86_400))
                rig.turnWhenDue()
                await rig.settles(account)
                #expect(rig.endpoint.count == number)
                #expect(rig.state(account) == .fresh)
                #expect(try rig.reply(account).expiresAt != nil)
            }
        }
    }

    @Test func `after 400 days everything still comes when it should (D12)`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            for _ in 0..<400 {
                // What falls due while nobody turned the wheel is one refresh, not twenty-four.
                rig.clock.advance(by: .seconds(86_400))
                rig.engine.turn()
                await rig.settles(account)
            }
            #expect(rig.endpoint.count == 400)
            #expect(rig.generation(account) == 401)
            let due = try #require(rig.wakeSource.moment)
            #expect(due > rig.clock.now + .seconds(2_900) && due <= rig.clock.now + .seconds(3_300))
        }
    }

    private func put(_ count: Int, in rig: Rig) async throws -> [AccountID] {
        var accounts: [AccountID] = []
        for number in 0..<count { accounts.append(try await rig.put("box/\(number)")) }
        return accounts
    }
}
