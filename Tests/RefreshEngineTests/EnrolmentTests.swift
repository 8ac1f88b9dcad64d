import Logging
import OAuth
import RefreshCore
@testable import RefreshEngine
import Synchronization
import TestSupport
import Testing

/// New authorizations, with the person, the provider and the clock in the test's hand.
@Suite struct EnrolmentTests {
    let rig: Rig
    let enrolment: Enrolment

    init() throws {
        self.rig = try Rig { endpoint in
            var client = try ClientSettings.client("box", endpoint, habit: .singleUse)
            client.client.profile.authorizationEndpoint = "https://box.example/authorize"
            client.client.profile.deviceAuthorizationEndpoint = "https://box.example/device"
            client.client.profile.issuer = "https://box.example"
            client.client.profile.scopes = ["read"]
            client.client.clientSecret = Secret("canary-old")
            client.client.otherSecrets = [Secret("canary-new")]
            return EngineSettings(clients: [try ClientID("box"): client], sinks: [:])
        }
        self.enrolment = Enrolment(engine: self.rig.engine, secrets: CountingSecrets(), logger: self.rig.log.logger)
    }

    private func account(_ name: String = "box/alice") throws -> AccountID { try AccountID(name) }

    private func begin(_ name: String = "box/alice", scopes: [String]? = nil) async throws -> Enrolment.Start {
        try await self.enrolment.begin(try self.account(name), redirectURI: "https://app.example/cb", scopes: scopes)
    }

    private func refusal(_ body: () async throws -> Void) async -> String? {
        do {
            try await body()
            return nil
        } catch EngineError.authorizationFailed(let error, _) {
            return error
        } catch {
            return "\(error)"
        }
    }

    private func complete(_ state: String, code: String = "canary-code") async throws {
        _ = try await self.enrolment.complete(state: state, code: code, callback: nil)
    }

    private static let granted = ScriptedEndpoint.Reply.token("canary-at-new", refreshToken: "canary-rt-new-1")

    // MARK: In a browser

    @Test func `a code becomes an account, whose scope is what was asked for`() async throws {
        try await self.rig.run {
            let start = try await self.begin(scopes: ["read", "write"])
            #expect(start.expiresAt == self.rig.clock.now + .seconds(600))
            self.rig.endpoint.play(Self.granted)
            let view = try await self.enrolment.complete(
                state: start.state,
                code: nil,
                callback: "https://app.example/cb?code=canary-code&state=\(start.state)&iss=https%3A%2F%2Fbox.example"
            )
            #expect(view.state == .fresh && view.generation.number == 1)
            #expect(view.facts.scope == ["read", "write"])
            let sent = try #require(self.rig.endpoint.requests.first?.parameters)
            #expect(sent["code"] == "canary-code" && sent["redirect_uri"] == "https://app.example/cb")
            #expect(try self.rig.reply(view.account).accessToken == "canary-at-new")
        }
    }

    @Test func `a state is good once, and a second one sends nothing`() async throws {
        try await self.rig.run {
            let start = try await self.begin()
            self.rig.endpoint.play(Self.granted)
            try await self.complete(start.state)
            #expect(await self.refusal { try await self.complete(start.state) } == "unknown_state")
            #expect(self.rig.endpoint.count == 1)
        }
    }

    @Test func `of two that bring one state at the same time, one sends the code`() async throws {
        try await self.rig.run {
            let start = try await self.begin()
            let gate = Gate()
            self.rig.endpoint.play(.init(Self.granted, afterRelease: gate))
            async let first: Void = self.complete(start.state)
            await self.rig.endpoint.requestsReleased(1)
            #expect(await self.refusal { try await self.complete(start.state) } == "unknown_state")
            gate.open()
            try await first
            #expect(self.rig.endpoint.count == 1)
        }
    }

    @Test func `a person has ten minutes`() async throws {
        try await self.rig.run {
            let late = try await self.begin()
            self.rig.clock.advance(by: .seconds(599))
            let start = try await self.begin("box/bob")
            self.rig.clock.advance(by: .seconds(1))
            #expect(await self.refusal { try await self.complete(late.state) } == "unknown_state")
            #expect(self.enrolment.account(of: late.state) == nil)
            let bob = try self.account("box/bob")
            #expect(self.enrolment.account(of: start.state) == bob)
            #expect(self.rig.endpoint.count == 0)
        }
    }

    @Test func `a refused code uses the state up, and one that never left does not`() async throws {
        try await self.rig.run {
            let start = try await self.begin()
            let alice = try self.account()
            self.rig.endpoint.play(.notSent(.connect))
            await #expect(throws: EngineError.unavailable(alice, cause: "network", retryAt: nil)) {
                try await self.complete(start.state)
            }
            self.rig.endpoint.play(.error("invalid_grant"))
            #expect(await self.refusal { try await self.complete(start.state) } == "invalid_grant")
            #expect(await self.refusal { try await self.complete(start.state) } == "unknown_state")

            let other = try await self.begin()
            self.rig.endpoint.play(.silence(.timeout))
            await #expect(throws: EngineError.unavailable(alice, cause: "answer_lost", retryAt: nil)) {
                try await self.complete(other.state)
            }
            #expect(await self.refusal { try await self.complete(other.state) } == "unknown_state")
        }
    }

    @Test func `an address of another issuer sends no code anywhere`() async throws {
        try await self.rig.run {
            let start = try await self.begin()
            let callback = "?code=canary-code&state=\(start.state)&iss=https://evil.example"
            let word = await self.refusal {
                _ = try await self.enrolment.complete(state: start.state, code: nil, callback: callback)
            }
            #expect(word == "issuer_mismatch" && self.rig.endpoint.count == 0)
        }
    }

    @Test(arguments: ["needs_authorization", "in_doubt"])
    func `an account that is authorized again keeps its count, and the old grant is gone`(from: String) async throws {
        try await self.rig.run {
            let account = try await self.rig.put("box/alice")
            self.rig.endpoint.play(from == "in_doubt" ? .silence(.timeout) : .error("invalid_grant"))
            _ = try await self.rig.engine.refresh(account)
            #expect(self.rig.state(account)?.rawValue == from)
            let start = try await self.begin()
            self.rig.endpoint.play(Self.granted)
            try await self.complete(start.state)
            #expect(self.rig.state(account) == .fresh && self.rig.generation(account) == 2)
            #expect(self.rig.served(account) == 2)
            _ = try await self.rig.engine.refresh(account)
            #expect(self.rig.endpoint.requests.last?.refreshToken == "canary-rt-new-1")
        }
    }

    @Test func `tokens that have come are kept through a store that fails for a while`() async throws {
        try await self.rig.run {
            let start = try await self.begin()
            self.rig.endpoint.play(Self.granted)
            self.rig.store.fail(.edit, times: 2)
            async let done: Void = self.complete(start.state)
            for _ in 0..<2 {
                _ = await self.rig.clock.sleeperArrived()
                self.rig.clock.advance(by: .seconds(1))
            }
            try await done
            let alice = try self.account()
            #expect(self.rig.served(alice) == 1)
        }
    }

    @Test func `a client that is refused presents its other secret with the same code, and no third time`() async throws
    {
        try await self.rig.run {
            let start = try await self.begin()
            self.rig.endpoint.play(.error("invalid_client", status: 401))
            self.rig.endpoint.play(Self.granted)
            try await self.complete(start.state)
            #expect(self.rig.endpoint.requests.map { $0.parameters["client_secret"] } == ["canary-old", "canary-new"])
            #expect(self.rig.endpoint.requests.map { $0.parameters["code"] } == ["canary-code", "canary-code"])

            let other = try await self.begin()
            for _ in 0..<2 { self.rig.endpoint.play(.error("invalid_client", status: 401)) }
            #expect(await self.refusal { try await self.complete(other.state) } == "invalid_client")
            #expect(self.rig.endpoint.count == 4)
        }
    }

    @Test func `a code that was refused is not sent with another secret`() async throws {
        try await self.rig.run {
            let start = try await self.begin()
            self.rig.endpoint.play(.error("invalid_grant"))
            #expect(await self.refusal { try await self.complete(start.state) } == "invalid_grant")
            #expect(self.rig.endpoint.count == 1)
        }
    }

    // MARK: On another device

    private static let codes = ScriptedEndpoint.Reply.json(
        #"{"device_code":"canary-dc","user_code":"AB-CD","verification_uri":"https://box.example/d","expires_in":60}"#
    )

    /// Runs the service beside `body`.
    private func serving(_ body: () async throws -> Void) async throws {
        try await self.rig.run {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.enrolment.run() }
                try await body()
                group.cancelAll()
            }
        }
    }

    @Test func `a device is asked after at its pace until somebody approves`() async throws {
        try await self.serving {
            self.rig.endpoint.play(Self.codes)
            let start = try await self.enrolment.beginDevice(try self.account())
            #expect(start.userCode == "AB-CD" && self.enrolment.isDevice(start.state))
            self.rig.endpoint.play(.error("authorization_pending"))
            self.rig.endpoint.play(.error("slow_down"))
            self.rig.endpoint.play(.notSent(.connect))
            self.rig.endpoint.play(Self.granted)
            async let end = self.enrolment.end(ofDevice: start.state)
            for pause in [5, 5, 10, 20] {
                let deadline = await self.rig.clock.sleeperArrived()
                #expect(deadline - self.rig.clock.now == .seconds(pause))
                self.rig.clock.advance(to: deadline)
            }
            let view = try await end
            #expect(view.state == .fresh && view.generation.number == 1 && view.facts.scope == ["read"])
            // Whoever asks later is told the same.
            #expect(try await self.enrolment.end(ofDevice: start.state).generation.number == 1)
        }
    }

    @Test func `a device that is denied, or too late, is told so`() async throws {
        try await self.serving {
            self.rig.endpoint.play(Self.codes)
            let denied = try await self.enrolment.beginDevice(try self.account())
            self.rig.endpoint.play(.error("access_denied"))
            self.rig.clock.advance(to: await self.rig.clock.sleeperArrived())
            #expect(await self.refusal { _ = try await self.enrolment.end(ofDevice: denied.state) } == "access_denied")

            self.rig.endpoint.play(Self.codes)
            let late = try await self.enrolment.beginDevice(try self.account())
            async let word = self.refusal { _ = try await self.enrolment.end(ofDevice: late.state) }
            for _ in 0..<12 {
                self.rig.endpoint.play(.error("authorization_pending"))
                self.rig.clock.advance(to: await self.rig.clock.sleeperArrived())
            }
            #expect(await word == "expired_token")
        }
    }
    @Test func `a secret that a device was refused with is not presented again`() async throws {
        try await self.serving {
            self.rig.endpoint.play(Self.codes)
            let start = try await self.enrolment.beginDevice(try self.account())
            for reply in [
                ScriptedEndpoint.Reply.error("invalid_client", status: 401), .error("authorization_pending"),
                Self.granted,
            ] { self.rig.endpoint.play(reply) }
            async let end = self.enrolment.end(ofDevice: start.state)
            for _ in 0..<2 { self.rig.clock.advance(to: await self.rig.clock.sleeperArrived()) }
            #expect(try await end.state == .fresh)
            #expect(
                self.rig.endpoint.requests.map { $0.parameters["client_secret"] } == [
                    "canary-old", "canary-old", "canary-new", "canary-new",
                ]
            )
        }
    }

    @Test func `an answer that repeats another state brings nobody a token`() async throws {
        for isForeign in [true, false] {
            let rig = try Rig { endpoint in
                var client = try ClientSettings.client("box", endpoint, habit: .singleUse)
                client.client.profile.authorizationEndpoint = "https://box.example/authorize"
                client.client.profile.echoes = ["state"]
                return EngineSettings(clients: [try ClientID("box"): client], sinks: [:])
            }
            let enrolment = Enrolment(engine: rig.engine, secrets: CountingSecrets(), logger: rig.log.logger)
            try await rig.run {
                let account = try self.account()
                let state = try await enrolment.begin(account, redirectURI: "https://app.example/cb", scopes: nil).state
                let echo = isForeign ? "another" : state
                rig.endpoint.play(.json("{\"access_token\":\"canary-at\",\"expires_in\":60,\"state\":\"\(echo)\"}"))
                let refusal = await self.refusal {
                    _ = try await enrolment.complete(state: state, code: "canary-code", callback: nil)
                }
                #expect(refusal == (isForeign ? "state_mismatch" : nil))
                #expect((rig.engine.state.withLock { $0.count }) == (isForeign ? 0 : 1))
            }
        }
    }

    // MARK: Scopes

    /// Of an authorization that names none: configured ones, those that a sink needs, those of the present grant.
    private func askedScopes(_ configured: [String], needed: [String], present: [String]?) async throws -> String? {
        let box = try ClientID("box")
        let rig = try Rig { endpoint in
            var client = try ClientSettings.client("box", endpoint, habit: .singleUse)
            client.client.profile.authorizationEndpoint = "https://box.example/authorize"
            client.client.profile.deviceAuthorizationEndpoint = "https://box.example/device"
            client.client.profile.scopes = configured
            let sink = ScriptedSink().settings(clients: [box], required: needed)
            return EngineSettings(clients: [box: client], sinks: [try SinkID("uploads"): sink])
        }
        let enrolment = Enrolment(engine: rig.engine, secrets: CountingSecrets(), logger: rig.log.logger)
        let asked = Mutex<String?>(nil)
        try await rig.run {
            let account = try self.account()
            if let present {
                let scope = present.joined(separator: " ")
                let answer = "{\"access_token\":\"canary-at\",\"refresh_token\":\"canary-rt\",\"scope\":\"\(scope)\"}"
                _ = try await rig.engine.put(account, answer: Array(answer.utf8), issuedAt: nil)
            }
            let url = try await enrolment.begin(account, redirectURI: nil, scopes: nil).url
            let query = url.split(separator: "?").last.map(String.init) ?? ""
            let scope = query.split(separator: "&").first { $0.hasPrefix("scope=") }.map { String($0.dropFirst(6)) }
            asked.withLock { $0 = scope }
        }
        return asked.withLock { $0 }
    }

    @Test func `an address asks for what a sink would hold the token back for`() async throws {
        #expect(try await self.askedScopes(["read"], needed: ["read"], present: nil) == "read")
        #expect(try await self.askedScopes(["read"], needed: ["photos"], present: nil) == "read%20photos")
        // What the person granted the last time was too little; what is asked for next time is not.
        #expect(try await self.askedScopes([], needed: ["photos"], present: ["read"]) == "read%20photos")
        #expect(try await self.askedScopes([], needed: ["read"], present: ["read"]) == nil)
        #expect(try await self.askedScopes([], needed: ["photos"], present: nil) == nil)
    }
}
