import OAuth
@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

/// Seeded random events over some accounts and a provider that knows which of its refresh tokens are good.
@Suite(.serialized) struct SimulationTests {
    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func `whatever happens, one redeem at a time, no step back, nothing that has ended, and no grant lost for nothing`(
        _ seed: UInt64
    ) async throws {
        var random = SeededGenerator(seed: seed)
        let rotations: [RotationHabit] = [.reusable, .singleUse, .explosive, .graceful, .unknown]
        let habit = rotations.randomElement(using: &random) ?? .singleUse
        let mayLoseAnswers = Bool.random(using: &random)
        let provider = ModelProvider(seed: seed, spends: habit.rotation.spends, mayLoseAnswers: mayLoseAnswers)
        let sink = ScriptedSink()
        let rig = try Rig(
            { _ in
                let limits = LaneLimits(rate: 20, concurrency: Int.random(in: 1...6, using: &random))
                let box = try ClientID("box")
                return EngineSettings(
                    clients: [box: try .client("box", provider, habit: habit, limits: limits)],
                    sinks: [try SinkID("app"): sink.settings(clients: [box])]
                )
            }
        )
        let accounts = try (0..<6).map { try AccountID("box/\($0)") }
        try await rig.run {
            var seen: [AccountID: Int64] = [:]
            for account in accounts { try await self.put(account, rig, provider) }
            for step in 0..<30 {
                let account = accounts.randomElement(using: &random) ?? accounts[0]
                switch Int.random(in: 0..<12, using: &random) {
                case 0..<5:
                    rig.clock.advance(by: .seconds(Int64.random(in: 1...900, using: &random)))
                    rig.engine.turn()
                case 5..<7:
                    if let moment = rig.wakeSource.moment { rig.clock.advance(to: moment) }
                    rig.engine.turn()
                case 7:
                    // What is under way may hold its answer: the caller is left behind, and cancelled.
                    let reader = Task { try await rig.engine.token(for: account, atLeast: .seconds(60)) }
                    await self.quiesce(rig, provider)
                    reader.cancel()
                    if let token = try? await reader.value {
                        #expect(token.lives(.zero, from: rig.clock.now), "seed \(seed), step \(step)")
                    }
                case 8:
                    try await self.put(account, rig, provider)
                case 9:
                    _ = try? await rig.engine.pause(account, Bool.random(using: &random))
                case 10:
                    await rig.engine.apply(rig.engine.state.withLock { $0.settings })
                    rig.engine.turn()
                default:
                    provider.releaseAll()
                }
                await self.quiesce(rig, provider)
                for account in accounts {
                    let served = try #require(rig.served(account))
                    #expect(served >= seen[account] ?? 0, "seed \(seed), step \(step): \(account) went back")
                    seen[account] = served
                    if let token = try? await self.present(rig, account) {
                        #expect(token.lives(.zero, from: rig.clock.now), "seed \(seed), step \(step)")
                    }
                }
            }

            // The storm is over: everything answers, nobody is paused.
            provider.calm()
            for account in accounts { _ = try await rig.engine.pause(account, false) }
            for _ in 0..<200 {
                rig.turnWhenDue()
                await self.quiesce(rig, provider)
                // Fresh may also be who waits in a lane with a token that has ended.
                let isOver = accounts.allSatisfy { account in
                    let lives = rig.engine.table.token(for: account)?.lives(.seconds(60), from: rig.clock.now) ?? false
                    return lives && rig.state(account) == .fresh
                }
                if isOver { break }
                rig.clock.advance(by: .seconds(20))
            }
            for account in accounts where !mayLoseAnswers || !habit.rotation.spends {
                #expect(rig.state(account) == .fresh, "seed \(seed): \(account) is lost")
                let token = try #require(rig.engine.table.token(for: account))
                #expect(token.lives(.seconds(60), from: rig.clock.now), "seed \(seed)")
                #expect(
                    try await self.isGood(account, rig, provider),
                    "seed \(seed): \(account)'s grant is not the last one"
                )
            }
        }
        #expect(provider.overlaps == 0, "seed \(seed): two redeems of one account at once")
        if !mayLoseAnswers, habit.rotation.spends {
            #expect(provider.reuses == 0, "seed \(seed): a spent refresh token was sent again without need")
        }
        for account in accounts {
            let generations = sink.calls.filter { $0.account == account }.map(\.generation)
            #expect(generations == generations.sorted(), "seed \(seed): a sink was given an older token")
        }
    }

    private func put(_ account: AccountID, _ rig: Rig, _ provider: ModelProvider) async throws {
        let answer = provider.authorize(account)
        _ = try await rig.engine.put(account, answer: Array(answer.utf8), issuedAt: nil)
    }

    /// What a reader is given at once; nothing when it would have to wait.
    private func present(_ rig: Rig, _ account: AccountID) async throws -> RenderedToken? {
        guard let token = rig.engine.table.token(for: account), token.lives(Engine.leastLife, from: rig.clock.now)
        else {
            return nil
        }
        return try await rig.engine.token(for: account, atLeast: nil)
    }

    /// Returns once nothing moves but what the provider holds.
    private func quiesce(_ rig: Rig, _ provider: ModelProvider) async {
        await eventually("quiet") {
            let inFlight = rig.engine.attemptsInFlight
            let isWriting = rig.engine.state.withLock { state in
                state.records.contains { $0?.machine.phase == .committing }
            }
            return inFlight == provider.held && !isWriting
        }
        rig.engine.pump()
    }

    private func isGood(_ account: AccountID, _ rig: Rig, _ provider: ModelProvider) async throws -> Bool {
        guard let grant = try await rig.engine.openGrant(of: account)?.grant.refreshToken else { return false }
        return provider.isGood(grant.reveal(), for: account)
    }
}

/// A provider in a few lines: which refresh token of each account is good, and how the next request ends.
private final class ModelProvider: TokenEndpoint {
    private struct Grant {
        var number = 0
        var good: String = ""
        var spent: Set<String> = []
        var isInFlight = false
        var random: SeededGenerator
    }

    private struct State {
        var grants: [String: Grant] = [:]
        var gates: [Gate] = []
        var held = 0
        var overlaps = 0
        var reuses = 0
        var isCalm = false
    }

    private let seed: UInt64
    private let spends: Bool
    private let mayLoseAnswers: Bool
    private let state = Mutex(State())

    init(seed: UInt64, spends: Bool, mayLoseAnswers: Bool) {
        self.seed = seed
        self.spends = spends
        self.mayLoseAnswers = mayLoseAnswers
    }

    /// Requests that wait for `releaseAll`.
    var held: Int { self.state.withLock { $0.held } }
    var overlaps: Int { self.state.withLock { $0.overlaps } }
    var reuses: Int { self.state.withLock { $0.reuses } }

    func isGood(_ refreshToken: String, for account: AccountID) -> Bool {
        self.state.withLock { $0.grants[account.name]?.good == refreshToken }
    }

    /// A person authorizes: a new grant, whatever became of the old one.
    func authorize(_ account: AccountID) -> String {
        self.state.withLock { state in
            var grant =
                state.grants[account.name]
                ?? Grant(random: SeededGenerator(seed: self.seed &* 1_000_003 ^ account.fingerprint))
            grant.number += 1
            grant.good = "canary-rt-\(account)-\(grant.number)"
            state.grants[account.name] = grant
            return Self.answer(account.name, grant.number)
        }
    }

    func releaseAll() {
        let gates = self.state.withLock { state in
            defer { state.gates = [] }
            // At once, not when they run on: nobody may take them for still held.
            state.held = 0
            return state.gates
        }
        for gate in gates { gate.open() }
    }

    func calm() {
        self.state.withLock { $0.isCalm = true }
        self.releaseAll()
    }

    private static func answer(_ name: String, _ number: Int) -> String {
        #"{"access_token":"canary-at-\#(name)-\#(number)","token_type":"bearer","expires_in":1800,"#
            + #""refresh_token":"canary-rt-\#(name)-\#(number)"}"#
    }

    func send(
        _ request: EndpointRequest,
        mayRelease: @escaping @Sendable () async -> Bool
    ) async throws(EndpointError) -> RawAnswer {
        let body = request.body.reveal()
        let sent = body.split(separator: "&").first { $0.hasPrefix("refresh_token=") }?.dropFirst(14) ?? ""
        let refreshToken = sent.split(separator: "%2F").joined(separator: "/")
        let name = refreshToken.split(separator: "-").dropFirst(2).dropLast().joined(separator: "-")
        let (fate, gate) = self.arrive(name)
        defer { self.leave(name) }
        if fate == .notSent { throw .notSent(.connect) }
        guard await mayRelease() else { throw .notSent(.held) }
        await gate?.pass()
        switch fate {
        case .answer, .lost:
            let (status, text) = self.redeem(refreshToken, of: name)
            if fate == .lost { throw .unknown(.closed) }
            return Self.raw(status, text)
        case .lostBefore: throw .unknown(.closed)
        case .busy: return Self.raw(503, "{}")
        case .notSent: throw .notSent(.connect)
        }
    }

    private enum Fate { case answer, lost, lostBefore, busy, notSent }

    private func arrive(_ name: String) -> (Fate, Gate?) {
        self.state.withLock { state in
            guard var grant = state.grants[name] else { return (.busy, nil) }
            if grant.isInFlight { state.overlaps += 1 }
            grant.isInFlight = true
            defer { state.grants[name] = grant }
            guard !state.isCalm else { return (.answer, nil) }
            var fates: [Fate] = [.answer, .answer, .answer, .answer, .busy, .notSent]
            if self.mayLoseAnswers { fates += [.lost, .lostBefore] }
            let fate = fates.randomElement(using: &grant.random) ?? .answer
            guard Int.random(in: 0..<3, using: &grant.random) == 0, fate != .notSent else { return (fate, nil) }
            let gate = Gate()
            state.gates.append(gate)
            state.held += 1
            return (fate, gate)
        }
    }

    private func leave(_ name: String) { self.state.withLock { $0.grants[name]?.isInFlight = false } }

    private func redeem(_ refreshToken: String, of name: String) -> (status: Int, text: String) {
        self.state.withLock { state in
            guard var grant = state.grants[name], grant.good == refreshToken else {
                // An authorization that came meanwhile has replaced the grant, or it was spent before.
                if state.grants[name]?.spent.contains(refreshToken) ?? true { state.reuses += 1 }
                return (400, #"{"error":"invalid_grant"}"#)
            }
            guard self.spends else {
                let number = grant.number
                return (200, Self.answer(name, number))
            }
            grant.spent.insert(refreshToken)
            grant.number += 1
            grant.good = "canary-rt-\(name)-\(grant.number)"
            state.grants[name] = grant
            return (200, Self.answer(name, grant.number))
        }
    }

    private static func raw(_ status: Int, _ text: String) -> RawAnswer {
        RawAnswer(status: status, headers: [(name: "content-type", value: "application/json")], body: Secret(text))
    }
}
