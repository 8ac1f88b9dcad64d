@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

/// The order of writes around one refresh (facts, section 3).
@Suite struct AttemptProtocolTests {
    @Test func `an attempt is written down before it is sent, and its answer before it is committed`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            let step = ScriptedEndpoint.Step(.next(after: "canary-rt-box/alice-1"), afterRelease: Gate())
            rig.endpoint.play(step)
            let refresh = Task { try await rig.engine.refresh(account) }
            await rig.endpoint.requestsReleased(1)
            #expect(rig.journal.calls == [.begin(account, isDurable: false), .markSent(account)])
            rig.journal.record("the answer comes")
            step.afterRelease?.open()
            #expect(try await refresh.value.generation.number == 2)
            await eventually("freed") { rig.journal.openSlots == 0 }
            let rest = Array(rig.journal.calls.dropFirst(3))
            #expect(rest.prefix(2) == [.keep(account), .sync(account)])
            #expect(rest.last == .free(account))
            // The mark of the commit lies between: a slot is freed only after it.
            let noted = try #require(rest.firstIndex { if case .note = $0 { true } else { false } })
            #expect(noted == 2 && rest.count == 4)
        }
    }

    @Test func `where nothing is spent nothing is written down`() async throws {
        let rig = try Rig(.reusable)
        try await rig.run {
            let account = try await rig.put("box/alice")
            #expect(try await rig.engine.refresh(account).generation.number == 2)
            #expect(rig.journal.count { if case .begin = $0 { true } else { false } } == 0)
        }
    }

    @Test func `where a blind replay hurts others the intent is durable before anything is sent`() async throws {
        for habit in [RotationHabit.explosive, .unknown] {
            let rig = try Rig(habit)
            try await rig.run {
                let account = try await rig.put("box/alice")
                _ = try await rig.engine.refresh(account)
                #expect(rig.journal.calls.first == .begin(account, isDurable: true))
            }
        }
    }

    @Test func `what cannot be written down is not spent, and is tried again once a second`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let accounts = [try await rig.put("box/alice"), try await rig.put("box/bob")]
            rig.journal.failsBegin = true
            rig.clock.advance(by: .seconds(3_550))
            rig.engine.turn()
            for account in accounts { await rig.settles(account) }
            #expect(rig.endpoint.count == 0)
            #expect(rig.log.entries.count { $0.metadata["message_id"] == LogEvent.journalUnavailable.rawValue } == 1)

            rig.journal.failsBegin = false
            rig.engine.turn()
            #expect(rig.endpoint.count == 0, "not before the second is over")
            for _ in 0..<4 {
                rig.clock.advance(by: .seconds(1))
                rig.engine.turn()
                for account in accounts { await rig.settles(account) }
            }
            #expect(rig.generation(accounts[0]) == 2 && rig.generation(accounts[1]) == 2)
            #expect(rig.log.entries.count { $0.metadata["message_id"] == LogEvent.journalRecovered.rawValue } == 1)
        }
    }

    @Test func `without the mark the last byte stays here`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.journal.failsMarkSent = true
            _ = try await rig.engine.refresh(account)
            #expect(rig.endpoint.requests.map(\.isReleased) == [false])
            #expect(rig.journal.openSlots == 0)
            #expect(rig.generation(account) == 1 && rig.state(account) == .fresh)
        }
    }

    @Test func `an answer that cannot be put aside goes to the store all the same`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.journal.failsKeep = true
            rig.journal.failsSync = true
            #expect(try await rig.engine.refresh(account).generation.number == 2)
            let other = try await rig.put("box/bob")
            let isAsked = rig.engine.state.withLock { $0.ask(other) }
            #expect(isAsked)
            rig.engine.pump()
            #expect(rig.engine.attemptsInFlight == 0, "nothing else is spent before the journal is tried again")
        }
    }

    @Test func `a token that the store does not take is served with a warning after a while, and committed later`()
        async throws
    {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.store.fail(.commit, times: .max)
            let refresh = Task { try await rig.engine.refresh(account) }
            await eventually("the commit failed") { rig.engine.state.withLock { $0.isStoreFailing } }
            #expect(rig.served(account) == 1)
            await eventually("served all the same") {
                rig.clock.advance(by: .milliseconds(500))
                return rig.served(account) == 2
            }
            #expect(try rig.reply(account).warning?.hasPrefix("store_unavailable") == true)
            #expect(rig.journal.openSlots == 1, "the slot stays until the commit")
            #expect(try await rig.stored(account)?.generation.number == 1)

            rig.store.heal()
            await eventually("committed") {
                rig.clock.advance(by: .seconds(1))
                return rig.generation(account) == 2
            }
            _ = try await refresh.value
            #expect(try rig.reply(account).warning == nil)
            #expect(try await rig.stored(account)?.generation.number == 2)
        }
    }

    @Test func `where the use of the new token ends the old grant it is not served before it is stored`() async throws {
        let habit = RotationHabit(rotation: .onUse, blast: .family, grace: .zero, killsAccessToken: false)
        let rig = try Rig(habit)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.store.fail(.commit, times: .max)
            let refresh = Task { try await rig.engine.refresh(account) }
            await eventually("the commit was tried often") {
                rig.clock.advance(by: .seconds(5))
                return rig.store.calls(of: .commit) > 8
            }
            #expect(rig.served(account) == 1)
            rig.store.heal()
            await eventually("committed") {
                rig.clock.advance(by: .seconds(1))
                return rig.generation(account) == 2
            }
            _ = try await refresh.value
        }
    }

    @Test func `an account that is being removed is not refreshed any more`() async throws {
        let rig = try Rig(.singleUse)
        try await rig.run {
            let account = try await rig.put("box/alice")
            rig.engine.state.withLock { $0.leave(account, true) }
            let asked = rig.engine.state.withLock { $0.ask(account) }
            #expect(asked)
            rig.engine.pump()
            #expect(rig.engine.attemptsInFlight == 0)
            rig.engine.state.withLock { $0.leave(account, false) }
            // Called off: it goes on as if nothing had been.
            #expect(try await rig.engine.refresh(account).generation.number == 2)
        }
    }
}
