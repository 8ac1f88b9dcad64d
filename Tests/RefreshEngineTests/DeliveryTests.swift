@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

@Suite struct DeliveryTests {
    private let sink = ScriptedSink()

    private func rig(
        required: [String] = [],
        sendsRefreshToken: Bool = false,
        store: InMemoryStore = InMemoryStore(),
        clock: ManualClock = ManualClock(now: Timestamp(seconds: 1_000_000))
    ) throws -> Rig {
        let settings = self.sink.settings(
            clients: [try ClientID("box")],
            required: required,
            sendsRefreshToken: sendsRefreshToken
        )
        return try Rig(.singleUse, sinks: [try SinkID("app"): settings], store: store, clock: clock)
    }

    private func delivery(_ rig: Rig, _ account: AccountID) -> Delivery? {
        rig.engine.view(of: account)?.deliveries.first?.delivery
    }

    @Test func `a sink that was away for three generations is given the newest and no other`() async throws {
        let rig = try self.rig()
        try await rig.run {
            self.sink.play(.unavailable(.network, message: "away", retryAfter: .seconds(600)))
            let account = try await rig.put("box/alice")
            await eventually("postponed") { self.delivery(rig, account)?.state == .retrying }
            for _ in 0..<3 { _ = try await rig.engine.refresh(account) }
            #expect(self.delivery(rig, account)?.generation.number == 4)
            let opens = rig.clock.now + .seconds(600)
            await eventually("sleeps") { rig.clock.deadlines.contains(opens) }
            #expect(self.sink.generations == [1])
            rig.clock.advance(to: opens)
            await eventually("delivered") { self.delivery(rig, account)?.state == .delivered }
            #expect(self.sink.generations == [1, 4])
            #expect(self.delivery(rig, account)?.accepted?.number == 4)
        }
    }

    @Test func `a generation that comes while a delivery is on its way is the last to arrive`() async throws {
        let rig = try self.rig()
        try await rig.run {
            let gate = Gate()
            self.sink.play(nil, gate: gate)
            let account = try await rig.put("box/alice")
            await eventually("on its way") { self.sink.generations == [1] }
            _ = try await rig.engine.refresh(account)
            _ = try await rig.engine.refresh(account)
            #expect(self.sink.generations == [1], "one at a time for each account")
            gate.open()
            await eventually("delivered") { self.delivery(rig, account)?.accepted?.number == 3 }
            #expect(self.sink.generations == [1, 3])
            #expect(self.delivery(rig, account)?.state == .delivered)
            #expect(try await rig.stored(account)?.deliveries.first?.state == .delivered)
        }
    }

    @Test func `a refusal is seen, and nothing is tried before the next token`() async throws {
        let rig = try self.rig()
        try await rig.run {
            self.sink.play(.refused(message: "unknown key"))
            let account = try await rig.put("box/alice")
            await eventually("refused") { self.delivery(rig, account)?.state == .refused }
            #expect(self.delivery(rig, account)?.failure?.cause == .sinkRefused)
            #expect(self.delivery(rig, account)?.failure?.message == "unknown key")
            #expect(rig.state(account) == .fresh, "a sink's trouble is not the account's")
            rig.clock.advance(by: .seconds(2_000))
            rig.engine.turn()
            #expect(rig.engine.deliverer.pending == 0)
            _ = try await rig.engine.refresh(account)
            await eventually("delivered") { self.delivery(rig, account)?.state == .delivered }
            #expect(self.sink.generations == [1, 2])
        }
    }

    @Test func `what was pending when the process ended is delivered by the next, as the newest generation`()
        async throws
    {
        let (store, clock) = (InMemoryStore(), ManualClock(now: Timestamp(seconds: 1_000_000)))
        let first = try self.rig(store: store, clock: clock)
        let account = try AccountID("box/alice")
        try await first.run {
            self.sink.play(.unavailable(.network, message: "away", retryAfter: .seconds(3_600)))
            try await first.put("box/alice")
            await eventually("postponed") { self.delivery(first, account)?.state == .retrying }
            _ = try await first.engine.refresh(account)
            _ = try await first.engine.refresh(account)
        }
        let second = try self.rig(store: store, clock: clock)
        try await second.run {
            await eventually("delivered") { self.delivery(second, account)?.state == .delivered }
        }
        #expect(self.sink.generations == [1, 3])
        let third = try self.rig(store: store, clock: clock)
        try await third.run {}
        #expect(self.sink.generations == [1, 3], "what was acknowledged is not delivered again")
    }

    @Test func `a token without the scopes that the sink needs is held back with the reason`() async throws {
        let rig = try self.rig(required: ["files.read", "files.write"])
        try await rig.run {
            let account = try AccountID("box/alice")
            let answer =
                #"{"access_token":"canary-at-1","token_type":"bearer","refresh_token":"canary-rt-1","expires_in":3600,"scope":"files.read"}"#
            let view = try await rig.engine.put(account, answer: Array(answer.utf8), issuedAt: nil)
            #expect(view.missingScope == ["files.write"])
            await eventually("refused") { self.delivery(rig, account)?.state == .refused }
            #expect(self.delivery(rig, account)?.failure?.cause == .missingPermissions)
            #expect(self.sink.calls.isEmpty)
        }
    }

    @Test(arguments: [false, true])
    func `a refresh token is sent only to a sink that is configured for it`(_ sends: Bool) async throws {
        let rig = try self.rig(sendsRefreshToken: sends)
        try await rig.run {
            try await rig.put("box/alice")
            await eventually("delivered") { self.sink.calls.count == 1 }
        }
        #expect(self.sink.calls.map(\.hasRefreshToken) == [sends])
    }

    @Test func `a token that has ended is not delivered`() async throws {
        let rig = try self.rig()
        try await rig.run {
            self.sink.play(.unavailable(.network, message: "away", retryAfter: .seconds(900)))
            let account = try await rig.put("box/alice", expiresIn: 600)
            await eventually("postponed") { self.delivery(rig, account)?.state == .retrying }
            await eventually("sleeps") { !rig.clock.deadlines.isEmpty }
            rig.clock.advance(by: .seconds(900))
            await eventually("dropped") { rig.engine.deliverer.pending == 0 }
            #expect(self.sink.generations == [1])
            _ = try await rig.engine.refresh(account)
            await eventually("delivered") { self.delivery(rig, account)?.state == .delivered }
            #expect(self.sink.generations == [1, 2])
        }
    }

    @Test func `an operator can have the present token delivered again, to a sink that exists`() async throws {
        let rig = try self.rig()
        try await rig.run {
            let account = try await rig.put("box/alice")
            await eventually("delivered") { self.delivery(rig, account)?.state == .delivered }
            let view = try await rig.engine.deliver(account, sink: "app")
            #expect(view.deliveries.first?.delivery.accepted?.number == 1)
            await eventually("again") { self.sink.generations == [1, 1] }
            await #expect(throws: EngineError.invalidParameter("sink")) {
                try await rig.engine.deliver(account, sink: "nobody")
            }
        }
    }

    @Test func `an acknowledgement that cannot be written costs one more delivery, not the daemon`() async throws {
        let (store, clock) = (InMemoryStore(), ManualClock(now: Timestamp(seconds: 1_000_000)))
        let first = try self.rig(store: store, clock: clock)
        first.store.fail(.acknowledge)
        try await first.run {
            let account = try await first.put("box/alice")
            await eventually("delivered") { self.delivery(first, account)?.state == .delivered }
        }
        let second = try self.rig(store: store, clock: clock)
        try await second.run { await eventually("again") { self.sink.generations == [1, 1] } }
    }

    @Test func `a new sink is given the tokens that are there, and a new configuration opens a closed one`()
        async throws
    {
        let rig = try self.rig()
        let other = ScriptedSink()
        try await rig.run {
            self.sink.play(.unavailable(.network, message: "away", retryAfter: .seconds(3_600)))
            let account = try await rig.put("box/alice")
            await eventually("postponed") { self.delivery(rig, account)?.state == .retrying }
            var settings = rig.engine.state.withLock { $0.settings }
            settings.sinks[try SinkID("new")] = other.settings(clients: [try ClientID("box")])
            await rig.engine.apply(settings)
            await eventually("both") { other.generations == [1] && self.sink.generations == [1, 1] }
        }
    }

    @Test func `an account that is removed while its delivery is on its way leaves nothing behind`() async throws {
        let rig = try self.rig()
        try await rig.run {
            let gate = Gate()
            self.sink.play(nil, gate: gate)
            let account = try await rig.put("box/alice")
            await eventually("on its way") { self.sink.generations == [1] }
            try await rig.engine.remove(account, revoke: false)
            gate.open()
            await eventually("forgotten") { rig.engine.deliverer.pending == 0 }
            #expect(rig.engine.view(of: account) == nil)
        }
    }
}
