import OAuth
@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

/// A client secret that was changed at the provider (C07, C08).
@Suite struct ClientSecretsTests {
    /// An endpoint that knows the client by these secrets only.
    private static func endpoint(knowing known: Set<String>) -> ScriptedEndpoint {
        ScriptedEndpoint { request, _ in
            guard known.contains(request.parameters["client_secret"] ?? "") else {
                return ScriptedEndpoint.Step(.error("invalid_client", status: 401))
            }
            return ScriptedEndpoint.Step(.next(after: request.refreshToken))
        }
    }

    private func rig(_ endpoint: ScriptedEndpoint, _ secrets: [String]) throws -> Rig {
        try Rig(
            { endpoint in
                var client = try ClientSettings.client("box", endpoint, habit: .singleUse, limits: LaneLimits())
                client.client.clientSecret = secrets.first.map { Secret($0) }
                client.client.otherSecrets = secrets.dropFirst().map { Secret($0) }
                return EngineSettings(clients: [client.client.id: client], sinks: [:])
            },
            endpoint: endpoint
        )
    }

    @Test func `the second secret serves everybody after one refusal of the first, and no grant dies (C07)`()
        async throws
    {
        let endpoint = Self.endpoint(knowing: ["canary-new"])
        let rig = try self.rig(endpoint, ["canary-old", "canary-new"])
        try await rig.run {
            for number in 0..<50 { try await rig.put("box/\(number)") }
            rig.clock.advance(by: .seconds(3_400))
            rig.engine.turn()
            await rig.pass(.seconds(30))
            #expect(rig.engine.status.byState == [.fresh: 50])
            #expect(endpoint.requests.count { $0.parameters["client_secret"] == "canary-old" } == 1)
            #expect(endpoint.count == 51)
        }
        #expect(rig.log.entries.count { $0.metadata["message_id"] == LogEvent.clientRejected.rawValue } == 1)
    }

    @Test func `while the first is accepted the second is not shown`() async throws {
        let endpoint = Self.endpoint(knowing: ["canary-old", "canary-new"])
        let rig = try self.rig(endpoint, ["canary-old", "canary-new"])
        try await rig.run {
            try await rig.put("box/alice")
            _ = try await rig.engine.refresh(AccountID("box/alice"))
            #expect(endpoint.requests.map { $0.parameters["client_secret"] } == ["canary-old"])
        }
    }

    @Test func `when all are refused the lane stops after three requests, and no grant dies (C08)`() async throws {
        let endpoint = Self.endpoint(knowing: [])
        let rig = try self.rig(endpoint, ["canary-old", "canary-new"])
        try await rig.run {
            for number in 0..<300 { try await rig.put("box/\(number)") }
            rig.clock.advance(by: .seconds(3_400))
            rig.engine.turn()
            await rig.pass(.seconds(40_000))
            #expect(endpoint.count == 3)
            #expect(
                Set(endpoint.requests.map { $0.parameters["client_secret"] ?? "" }) == ["canary-old", "canary-new"]
            )
            #expect(rig.engine.status.byState[.needsAuthorization] == nil)
        }
    }

    @Test func `those under way with the old secret say nothing of the new one`() {
        var choice = SecretChoice(count: 2)
        var answers: [Bool] = []
        func refused(_ number: Int) { answers.append(choice.refused(number)) }
        refused(0)
        #expect(choice.number == 1)
        for _ in 0..<5 { refused(0) }
        #expect(choice.number == 1)
        refused(1)
        #expect(answers == [true, true, true, true, true, true, false])
        // From here on one for each wait, round again.
        refused(2)
        refused(3)
        #expect(answers.suffix(2) == [false, false])
        choice.accepted(4, of: 2)
        refused(4)
        refused(5)
        #expect(answers.suffix(2) == [true, false])
    }
}
