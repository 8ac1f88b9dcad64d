@testable import ControlServer
import NIOEmbedded
import RefreshCore
@testable import RefreshEngine
import Synchronization
import TestSupport
import Testing
import Varlink

@Suite struct LimitTests {
    private static let call = RawPeer.text("GetToken", #"{"account":"box/a"}"#)

    @Test func `a user has his share of connections, and a place that is left can be taken`() async throws {
        var limits = ControlLimits()
        limits.connectionsPerUser = 3
        let rig = try Rig(rule: Rig.rule(.token, "box/*"), limits: limits)
        try await rig.serve {
            try await rig.put("box/a")
            var peers = try (0..<3).map { _ in try rig.connect() }
            for peer in peers {
                #expect(try await peer.call("GetToken", #"{"account":"box/a"}"#).contains("canary-at"))
            }
            let fourth = try rig.connect()
            fourth.write(Self.call)
            #expect(await fourth.everything().isEmpty)
            peers.removeLast().leave()
            await eventually("the place is free") {
                guard let peer = try? rig.connect() else { return false }
                peer.write(Self.call)
                return await peer.message() != nil
            }
            #expect(try await peers[0].call("GetToken", #"{"account":"box/a"}"#).contains("canary-at"))
        }
    }

    @Test func `reserved places are root's and the service user's`() {
        var limits = ControlLimits()
        limits.connections = 4
        limits.reservedConnections = 2
        limits.connectionsPerUser = 100
        let admission = Admission(limits: limits)
        let (user, master) = (PeerIdentity(uid: 1_000, groups: []), PeerIdentity(uid: 0, groups: []))
        let channels = (0..<6).map { _ in EmbeddedChannel() }
        #expect(admission.admit(channels[0], of: user, isMaster: false))
        #expect(admission.admit(channels[1], of: user, isMaster: false))
        #expect(!admission.admit(channels[2], of: user, isMaster: false))
        #expect(admission.admit(channels[3], of: master, isMaster: true))
        #expect(admission.admit(channels[4], of: master, isMaster: true))
        #expect(!admission.admit(channels[5], of: master, isMaster: true))
        admission.leave(channels[0], of: user)
        admission.leave(channels[0], of: user)
        #expect(admission.count == 3)
        _ = admission.close()
        #expect(!admission.admit(channels[0], of: master, isMaster: true))
    }

    @Test func `a message without end is cut off, one of the greatest length is not`() async throws {
        var limits = ControlLimits()
        limits.messageLength = 4_096
        let rig = try Rig(limits: limits)
        try await rig.serve {
            let peer = try rig.connect()
            let head = #"{"method":"org.varlink.service.GetInfo""#
            peer.write(head + String(repeating: " ", count: 4_095 - head.utf8.count) + "}")
            #expect(await peer.message()?.contains("refreshd") == true)
            peer.write([UInt8](repeating: UInt8(ascii: "x"), count: 4_097))
            #expect(await peer.everything().isEmpty)
        }
    }

    @Test func `of puts sent ahead no more than the limit are under way`() async throws {
        var limits = ControlLimits()
        limits.calls = 8
        let store = SlowStore()
        let rig = try Rig(limits: limits, store: store)
        try await rig.serve {
            let peer = try rig.connect()
            for number in 0..<50 {
                peer.write(RawPeer.text("Put", #"{"account":"box/\#(number)","token":{"access_token":"canary-at"}}"#))
            }
            // One leads with a commit of its own; the others that were let in wait for the next.
            await eventually("the rest waits") { await rig.engine.edits.backlog == limits.calls - 1 }
            store.gate.open()
            #expect(try await peer.answers(50).allSatisfy { $0.error == nil })
        }
        #expect(store.batches.first == 1)
        #expect(store.batches.max() ?? 0 < limits.calls)
        #expect(store.batches.reduce(0, +) == 50)
    }

    @Test func `a million calls in one write neither fill the memory nor keep others waiting`() async throws {
        let rig = try Rig()
        try await rig.serve {
            try await rig.put("box/a")
            let (greedy, modest) = (try rig.connect(), try rig.connect())
            // Never read: so the kernel's buffers fill, then ours, then the caller's own.
            let calls = [UInt8](String(repeating: Self.call + "\0", count: 20_000).utf8)
            var written = 0
            var refusals = 0
            while refusals < 2_000 {
                let count = greedy.write(calls[(written % calls.count)...])
                written += count
                refusals = count == 0 ? refusals + 1 : 0
                if count == 0 { await Task.yield() }
            }
            #expect(try await modest.call("GetToken", #"{"account":"box/a"}"#).contains("canary-at"))
            // What was answered is bounded by the two buffers, ours and the kernel's.
            let served = rig.engine.counters.tokensServed.value
            let size = rig.engine.table.token(for: try AccountID("box/a"))?.reply.count ?? 0
            #expect(served > 1)
            #expect(served * size < 2 * 1_024 * 1_024)
            greedy.leave()
        }
    }

    @Test func `whoever does not read his answers is let go`() async throws {
        var limits = ControlLimits()
        limits.progressTime = .milliseconds(50)
        let rig = try Rig(limits: limits)
        try await rig.serve {
            try await rig.put("box/a")
            let peer = try rig.connect()
            let calls = [UInt8](String(repeating: Self.call + "\0", count: 20_000).utf8)
            var written = 0
            await eventually("it is let go") {
                written += peer.write(calls[(written % calls.count)...])
                return rig.log.entries.contains { $0.metadata["reason"] == "answers were not read" }
            }
        }
    }

    @Test func `a watcher who never reads is let go, and others are told everything`() async throws {
        var limits = ControlLimits()
        limits.progressTime = .milliseconds(50)
        limits.answerBytes = 16 * 1_024
        let rig = try Rig(limits: limits)
        try await rig.serve {
            let account = try await rig.put("box/a")
            let (deaf, attentive) = (try rig.connect(), try rig.connect())
            attentive.write(RawPeer.text("Watch", "{}", #","more":true"#))
            await eventually("it watches") { !rig.engine.watchers.isEmpty }
            deaf.write(RawPeer.text("Watch", "{}", #","more":true"#))
            var changes = 0
            while !rig.log.entries.contains(where: { $0.metadata["reason"] == "answers were not read" }) {
                changes += 1
                _ = try await rig.engine.pause(account, !changes.isMultiple(of: 2))
                let answer = try await attentive.answers(1)[0]
                try #require(answer.parameters["event"]?.object?["kind"]?.string == "state")
            }
            // It was cut off with what it had not read: at most the two buffers and the backlog.
            #expect(await deaf.everything().count { $0 == 0 } <= changes)
        }
    }
}

/// A store whose first write waits at a gate, and which remembers how much came with each.
private final class SlowStore: TokenStore {
    let gate = Gate()
    private let store = InMemoryStore()
    private let sizes = Mutex<[Int]>([])

    var batches: [Int] { self.sizes.withLock { $0 } }

    func edit(_ edits: [AccountEdit]) async throws(StoreError) -> [CommitOutcome] {
        self.sizes.withLock { $0.append(edits.count) }
        await self.gate.pass()
        return await self.store.edit(edits)
    }

    func accounts(after: AccountID?, limit: Int) async throws(StoreError) -> [StoredAccount] {
        await self.store.accounts(after: after, limit: limit)
    }

    func account(_ account: AccountID) async throws(StoreError) -> StoredAccount {
        try await self.store.account(account)
    }

    func token(for account: AccountID) async throws(StoreError) -> SealedToken {
        try await self.store.token(for: account)
    }

    func grant(for account: AccountID) async throws(StoreError) -> SealedGrant {
        try await self.store.grant(for: account)
    }

    func claim(_ accounts: [AccountID], for time: Duration) async throws(StoreError) -> [AccountID] { accounts }

    func commit(_ results: [AttemptResult]) async throws(StoreError) -> [CommitOutcome] {
        await self.store.commit(results)
    }

    func acknowledge(_ deliveries: [Delivery]) async throws(StoreError) { await self.store.acknowledge(deliveries) }
}
