import Logging
import LoopbackServer
import NIOPosix
import RefreshCore
import Sinks
import Synchronization
import TestSupport
import Testing

/// One session at the far side for each account.
@Suite(.timeLimit(.minutes(1))) struct SessionTests {
    /// What the server saw of one request.
    private struct Request: Hashable, Sendable {
        var line: String
        var cookie: String?

        init(_ head: String) {
            let lines = head.split(separator: "\r\n")
            self.line = String(lines.first?.split(separator: "?").first ?? "")
            self.cookie = lines.first { $0.lowercased().hasPrefix("cookie:") }.map { String($0.dropFirst(8)) }
        }
    }

    /// Runs sessions against a server that answers as `answer` says, by the number of the request, from 1 on.
    private static func run(
        clock: ManualClock = ManualClock(now: Timestamp(seconds: 1_000)),
        log: RecordingLog = RecordingLog(),
        answer: @escaping @Sendable (Int) -> (status: String, headers: String),
        body: @escaping @Sendable (any TokenSink, InMemoryJars, ManualClock) async throws -> Void
    ) async throws -> [(line: String, cookie: String?)] {
        let requests = Mutex<[Request]>([])
        try await LoopbackServer.serving { conversation in
            while true {
                let request = Request(try await conversation.readRequest().head ?? "")
                let number = requests.withLock { all in
                    all.append(request)
                    return all.count
                }
                let (status, headers) = answer(number)
                try await conversation.answer(status, headers: headers, body: "{}")
            }
        } body: { server in
            let jars = InMemoryJars()
            let sessions = SetKeysSessions(
                store: jars,
                storeID: StoreID("0"),
                sealer: ClearSealer(),
                clock: clock,
                logger: log.logger
            )
            let catalogue = SinkCatalogue(
                group: MultiThreadedEventLoopGroup.singleton,
                clock: clock,
                sessions: sessions
            )
            let sink = try catalogue.sink(for: .setKeys(Delivery.settings("http://\(server.authority)")))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await sessions.run() }
                try await body(sink, jars, clock)
                group.cancelAll()
            }
            await catalogue.shutdown()
        }
        #expect(log.leaks.isEmpty, "a secret was logged")
        return requests.withLock { all in all.map { ($0.line, $0.cookie) } }
    }

    private static func cookie(_ value: String) -> (status: String, headers: String) {
        ("200 OK", "Set-Cookie: auth=\(value); Path=/gdrive/; Secure; HttpOnly\r\n")
    }

    @Test func `what an account's call was given goes with its next call, and with nobody else's`() async throws {
        let requests = try await Self.run {
            Self.cookie("canary-session-\($0)")
        } body: { sink, _, _ in
            for account in ["gdrive/alice", "gdrive/bob", "gdrive/alice", "gdrive/bob"] {
                try await sink.deliver(Delivery.message(account: account))
            }
        }
        #expect(requests.map(\.cookie) == [nil, nil, "auth=canary-session-1", "auth=canary-session-2"])
    }

    @Test func `an answer that accepts nothing leaves the session as it was`() async throws {
        let requests = try await Self.run { number in
            number == 2 ? ("403 Forbidden", "Set-Cookie: auth=canary-stranger\r\n") : Self.cookie("canary-session")
        } body: { sink, _, _ in
            for _ in 1...3 { try? await sink.deliver(Delivery.message()) }
        }
        #expect(requests.map(\.cookie) == [nil, "auth=canary-session", "auth=canary-session"])
    }

    @Test(arguments: ["204 No Content", "404 Not Found"])
    func `the session of an account that goes is closed`(status: String) async throws {
        let account = try AccountID("gdrive/alice@example.com")
        let requests = try await Self.run { number in
            number == 1 ? Self.cookie("canary-session") : (status, "")
        } body: { sink, jars, _ in
            try await sink.deliver(Delivery.message())
            await jars.remove(account)
            sink.removed(account)
            await eventually("closed") { await jars.farewells(after: 0, limit: 1).isEmpty }
        }
        #expect(requests.map(\.line) == ["GET /gdrive/set_keys", "DELETE /gdrive/session HTTP/1.1"])
        #expect(requests.last?.cookie == "auth=canary-session")
    }

    @Test func `a session that cannot be closed is tried again, and in the end told and forgotten`() async throws {
        let account = try AccountID("gdrive/alice@example.com")
        let log = RecordingLog()
        let requests = try await Self.run(log: log) { number in
            number == 1 ? Self.cookie("canary-session") : ("503 Unavailable", "")
        } body: { sink, jars, clock in
            try await sink.deliver(Delivery.message())
            await jars.remove(account)
            sink.removed(account)
            await eventually("given up") {
                if await jars.farewells(after: 0, limit: 1).isEmpty { return true }
                // Past the time limits of single calls too, which end with their calls.
                if let deadline = clock.deadlines.min() { clock.advance(to: deadline) }
                return false
            }
        }
        #expect(requests.count == 21)
        #expect(log.entries.filter { $0.level == .warning }.map(\.metadata) == [["account": account.name]])
    }

    @Test func `a refusal is told, and not tried again`() async throws {
        let account = try AccountID("gdrive/alice@example.com")
        let log = RecordingLog()
        let requests = try await Self.run(log: log) { number in
            number == 1 ? Self.cookie("canary-session") : ("405 Method Not Allowed", "")
        } body: { sink, jars, _ in
            try await sink.deliver(Delivery.message())
            await jars.remove(account)
            sink.removed(account)
            await eventually("told") { await jars.farewells(after: 0, limit: 1).isEmpty }
        }
        #expect(requests.count == 2)
        #expect(log.entries.contains { $0.level == .warning })
    }

    @Test func `a hand-off makes no call`() async throws {
        let settings = try Delivery.settings("https://social.example")
        let handoff = SetKeysHandoff(settings: settings)
        #expect(
            try handoff.address(for: Delivery.message(accessToken: Secret("canary &at"))).reveal()
                == "https://social.example/gdrive/set_keys?public_key=demopublickey&access_token=canary%20%26at&token_type=Bearer"
        )
        #expect(throws: SinkError.self) { try handoff.deliver(try Delivery.message()) }
        #expect(throws: SinkError.refused(message: "no storage key is configured for this client")) {
            try handoff.address(for: try Delivery.message(account: "box/bob"))
        }
    }
}

/// Returns once the condition holds; what it waits for comes over a connection.
private func eventually(
    _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async rethrows {
    while !(try await condition()) {
        if Task.isCancelled {
            Issue.record("never came: \(what)", sourceLocation: sourceLocation)
            return
        }
        await Task.yield()
    }
}
