@testable import RefreshEngine
import RefreshCore
import TestSupport
import Testing

/// What a start makes of what the last process left in the journal (catalogue A03 to A12, A23).
@Suite struct RecoveryTests {
    private let store = InMemoryStore()
    private let clock = ManualClock(now: Timestamp(seconds: 1_000_000))

    /// A store with one-hour tokens of these accounts, and a journal with an open slot for the first.
    private func left(
        _ habit: RotationHabit,
        _ names: [String] = ["box/alice"],
        number: Int = 1,
        _ fill: (InMemoryJournal, JournalSlot) throws -> Void
    ) async throws -> InMemoryJournal {
        let first = try Rig(habit, store: self.store, clock: self.clock)
        try await first.run { for name in names { try await first.put(name) } }
        self.clock.advance(by: .seconds(10))
        let journal = InMemoryJournal()
        let slot = try await journal.begin(
            AttemptIntent(
                account: try AccountID(names[0]),
                generation: .first,
                number: number,
                fingerprint: ClearSealer().fingerprint(of: Secret("canary-rt-\(names[0])-1")),
                startedAt: self.clock.now
            ),
            isDurable: false
        )
        try fill(journal, slot)
        self.clock.advance(by: .seconds(1))
        return journal
    }

    private func restart(_ habit: RotationHabit, _ journal: InMemoryJournal) throws -> Rig {
        try Rig(habit, store: self.store, journal: journal, clock: self.clock)
    }

    private static func answer(_ name: String, generation: Int = 2) -> RawAnswer {
        let body =
            #"{"access_token":"canary-at-\#(name)-\#(generation)","token_type":"Bearer","expires_in":3600,"#
            + #""refresh_token":"canary-rt-\#(name)-\#(generation)"}"#
        return RawAnswer(status: 200, headers: [(name: "content-type", value: "application/json")], body: Secret(body))
    }

    @Test func `an answer in its slot is taken over, and nothing is sent`() async throws {
        let account = try AccountID("box/alice")
        let journal = try await self.left(.singleUse) { journal, slot in
            try journal.markSent(slot, at: self.clock.now)
            try journal.keep(Self.answer("box/alice"), in: slot)
        }
        let sentAt = self.clock.now - .seconds(1)
        let rig = try self.restart(.singleUse, journal.afterRestart())
        try await rig.run {
            #expect(rig.generation(account) == 2 && rig.state(account) == .fresh)
            #expect(rig.served(account) == 2)
            #expect(rig.engine.view(of: account)?.facts.expiresAt == sentAt + .seconds(3_600))
            #expect(rig.endpoint.count == 0)
            #expect(rig.journal.openSlots == 0)
            // The grant came with it.
            _ = try await rig.engine.refresh(account)
            #expect(rig.endpoint.requests.map(\.refreshToken) == ["canary-rt-box/alice-2"])
        }
    }

    @Test func `of two answers to one grant the later one is kept, and nothing is sent (F31)`() async throws {
        let account = try AccountID("box/alice")
        let journal = try await self.left(.singleUse) { journal, slot in
            try journal.markSent(slot, at: self.clock.now)
            try journal.keep(Self.answer("box/alice", generation: 2), in: slot)
        }
        let later = try await journal.begin(
            AttemptIntent(
                account: account,
                generation: .first,
                number: 2,
                fingerprint: ClearSealer().fingerprint(of: Secret("canary-rt-box/alice-1")),
                startedAt: self.clock.now
            ),
            isDurable: false
        )
        try journal.markSent(later, at: self.clock.now)
        try journal.keep(Self.answer("box/alice", generation: 3), in: later)
        let rig = try self.restart(.singleUse, journal.afterRestart())
        try await rig.run {
            #expect(rig.generation(account) == 2 && rig.state(account) == .fresh)
            #expect(rig.endpoint.count == 0 && rig.journal.openSlots == 0)
            _ = try await rig.engine.refresh(account)
            #expect(rig.endpoint.requests.map(\.refreshToken) == ["canary-rt-box/alice-3"])
        }
    }

    @Test func `recovery that is interrupted after its commit does no harm when it is done again`() async throws {
        let account = try AccountID("box/alice")
        let journal = try await self.left(.singleUse) { journal, slot in
            try journal.markSent(slot, at: self.clock.now)
            try journal.keep(Self.answer("box/alice"), in: slot)
        }
        // The slot is as it was when the first recovery died.
        for _ in 0..<3 {
            let rig = try self.restart(.singleUse, journal.afterRestart())
            try await rig.run {
                #expect(rig.generation(account) == 2)
                #expect(rig.endpoint.count == 0)
                #expect(rig.journal.openSlots == 0)
            }
        }
    }

    @Test func `an intent without the mark was not sent, in the same boot`() async throws {
        let account = try AccountID("box/alice")
        let journal = try await self.left(.explosive) { _, _ in }
        let rig = try self.restart(.explosive, journal.afterRestart())
        try await rig.run {
            #expect(rig.state(account) == .fresh && rig.journal.openSlots == 0)
        }
    }

    @Test func `an intent of an earlier boot counts as sent`() async throws {
        let account = try AccountID("box/alice")
        let journal = try await self.left(.explosive) { _, _ in }
        let rig = try self.restart(.explosive, journal.afterRestart(isSameBoot: false))
        try await rig.run {
            #expect(rig.state(account) == .inDoubt)
            #expect(rig.engine.view(of: account)?.failure?.cause == .answerLost)
            #expect(rig.engine.view(of: account)?.refreshAt == nil)
            self.clock.advance(by: .seconds(10_000))
            rig.engine.turn()
            #expect(rig.endpoint.count == 0, "a blind replay would hurt other grants")
        }
    }

    @Test func `a single-use grant that was sent is tried once more before anything is loaded`() async throws {
        let account = try AccountID("box/alice")
        let journal = try await self.left(.singleUse, ["box/alice", "box/bob"]) { journal, slot in
            try journal.markSent(slot, at: self.clock.now)
        }
        let rig = try self.restart(.singleUse, journal.afterRestart())
        rig.endpoint.play(.error("invalid_grant"))
        let loader = Loader(engine: rig.engine)
        let urgent = try await InDoubt(engine: rig.engine, history: .continuous).run()
        #expect(urgent.map(\.account) == [account])
        loader.begin(with: urgent)
        #expect(rig.engine.attemptsInFlight == 1, "it has started, and the others are not loaded yet")
        try await rig.run {
            await rig.settles(account)
            #expect(rig.endpoint.requests.map(\.refreshToken) == ["canary-rt-box/alice-1"])
            #expect(rig.state(account) == .needsAuthorization)
            #expect(rig.engine.view(of: account)?.failure?.cause == .answerLost, "never revoked: the loss is ours")
        }
    }

    @Test func `a grace counts from the moment of sending, over the restart`() async throws {
        let account = try AccountID("box/alice")
        let journal = try await self.left(.graceful) { journal, slot in
            try journal.markSent(slot, at: self.clock.now)
        }
        self.clock.advance(by: .seconds(60))
        let rig = try self.restart(.graceful, journal.afterRestart())
        try await rig.run {
            #expect(rig.endpoint.count == 0, "the grace of 30 s is over, so there is no hurry")
            #expect(rig.state(account) == .inDoubt)
            rig.endpoint.play(.error("invalid_grant"))
            _ = try await rig.engine.refresh(account)
            #expect(rig.state(account) == .needsAuthorization)
            #expect(rig.engine.view(of: account)?.failure?.cause == .graceMissed)
        }
    }

    @Test func `within the grace the same refresh token is sent again`() async throws {
        let account = try AccountID("box/alice")
        let journal = try await self.left(.graceful) { journal, slot in
            try journal.markSent(slot, at: self.clock.now)
        }
        let rig = try self.restart(.graceful, journal.afterRestart())
        try await rig.run {
            await eventually("renewed") { rig.generation(account) == 2 }
            #expect(rig.endpoint.requests.map(\.refreshToken) == ["canary-rt-box/alice-1"])
        }
    }

    @Test func `an answer that ended the daemon twice is set aside, and the others go on`() async throws {
        let account = try AccountID("box/alice")
        let other = try AccountID("box/bob")
        let journal = try await self.left(.singleUse, ["box/alice", "box/bob"]) { journal, slot in
            try journal.markSent(slot, at: self.clock.now)
            try journal.keep(Self.answer("box/alice"), in: slot)
            try journal.willTry(slot)
            try journal.willTry(slot)
        }
        let rig = try self.restart(.singleUse, journal.afterRestart())
        try await rig.run {
            #expect(rig.state(account) == .inDoubt && rig.generation(account) == 1)
            #expect(rig.journal.setAsideCount == 1)
            let renewed = try await rig.engine.refresh(other)
            #expect(renewed.generation.number == 2)
            let events = rig.log.entries.map { $0.metadata["message_id"] }
            #expect(events.contains(LogEvent.answerSetAside.rawValue))
        }
    }

    @Test func `a refusal in its slot is judged as if it had just come`() async throws {
        let account = try AccountID("box/alice")
        let journal = try await self.left(.singleUse) { journal, slot in
            try journal.markSent(slot, at: self.clock.now)
            let body = Secret(#"{"error":"invalid_grant"}"#)
            try journal.keep(RawAnswer(status: 400, headers: [], body: body), in: slot)
        }
        let rig = try self.restart(.singleUse, journal.afterRestart())
        try await rig.run {
            #expect(rig.state(account) == .needsAuthorization)
            #expect(rig.endpoint.count == 0 && rig.journal.openSlots == 0)
        }
    }

    @Test func `an account that was removed or replaced since leaves nothing open`() async throws {
        let journal = try await self.left(.singleUse) { journal, slot in
            try journal.markSent(slot, at: self.clock.now)
            try journal.keep(Self.answer("box/alice"), in: slot)
        }
        let account = try AccountID("box/alice")
        let between = try Rig(.singleUse, store: self.store, clock: self.clock)
        try await between.run { try await between.put("box/alice") }
        let rig = try self.restart(.singleUse, journal.afterRestart())
        try await rig.run {
            #expect(rig.generation(account) == 2, "the token that a person put stays")
            #expect(rig.journal.openSlots == 0)
            _ = try await rig.engine.remove(account, revoke: false)
            #expect(rig.journal.calls.contains(.other("forget \(account)")))
        }
        let last = try self.restart(.singleUse, journal.afterRestart())
        try await last.run {
            #expect(last.engine.view(of: account) == nil)
            #expect(last.journal.openSlots == 0)
        }
    }

    @Test func `with an older store nothing that may have been used is sent before a person says so`() async throws {
        let account = try AccountID("box/alice")
        let journal = try await self.left(.singleUse, ["box/alice", "box/bob"]) { _, _ in }
        var rig = try self.restart(.singleUse, journal.afterRestart())
        rig.history = .broken("the store is older than its attempt journal")
        try await rig.run {
            for name in ["box/alice", "box/bob"] {
                let view = rig.engine.view(of: try AccountID(name))
                #expect(view?.state == .inDoubt && view?.failure?.cause == .answerLost)
                #expect(view?.failure?.message.contains("older") == true)
            }
            self.clock.advance(by: .seconds(10_000))
            rig.engine.turn()
            #expect(rig.endpoint.count == 0)
            #expect(try await rig.engine.refresh(account).generation.number == 2)
        }
    }

    /// What the journal holds of a generation that the store had, and has lost.
    private func lost() async throws -> Rig {
        let journal = try await self.left(.singleUse) { journal, slot in journal.free([slot]) }
        for generation in 4...5 {
            self.clock.advance(by: .seconds(1))
            let slot = try await journal.begin(
                AttemptIntent(
                    account: try AccountID("box/alice"),
                    generation: Generation(Int64(generation)),
                    number: 1,
                    fingerprint: ClearSealer().fingerprint(of: Secret("canary-rt-box/alice-\(generation)")),
                    startedAt: self.clock.now
                ),
                isDurable: false
            )
            try journal.markSent(slot, at: self.clock.now)
            try journal.keep(Self.answer("box/alice", generation: generation + 1), in: slot)
        }
        var rig = try self.restart(.singleUse, journal.afterRestart())
        rig.history = .broken("the store is older than its attempt journal")
        return rig
    }

    @Test func `an answer to a generation that the store has lost is taken over, the newest and no other`() async throws
    {
        let account = try AccountID("box/alice")
        let rig = try await self.lost()
        try await rig.run {
            #expect(rig.state(account) == .fresh && rig.journal.openSlots == 0)
            #expect(rig.endpoint.count == 0)
            _ = try await rig.engine.refresh(account)
            #expect(rig.endpoint.requests.map(\.refreshToken) == ["canary-rt-box/alice-6"])
        }
    }

    @Test func `with an older store what is not spent by use goes on`() async throws {
        let journal = try await self.left(.reusable) { _, _ in }
        var rig = try self.restart(.reusable, journal.afterRestart())
        rig.history = .broken("restored")
        let account = try AccountID("box/alice")
        try await rig.run { #expect(rig.state(account) == .fresh) }
    }

    @Test func `a store that takes nothing at the start leaves the slots as they are`() async throws {
        let journal = try await self.left(.singleUse) { journal, slot in
            try journal.markSent(slot, at: self.clock.now)
            try journal.keep(Self.answer("box/alice"), in: slot)
        }
        let rig = try self.restart(.singleUse, journal.afterRestart())
        rig.store.fail(.commit, times: .max)
        let clock = self.clock
        let start = Task { try await InDoubt(engine: rig.engine, history: .continuous).run() }
        await eventually("it gave up") {
            clock.advance(by: .seconds(1))
            return rig.store.calls(of: .commit) >= 4
        }
        await #expect(throws: StoreError.self) { _ = try await start.value }
        #expect(rig.journal.openSlots == 1)
    }
}
