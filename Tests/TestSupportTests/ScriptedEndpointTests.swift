import RefreshCore
import TestSupport
import Testing

@Suite struct ScriptedEndpointTests {
    private let endpoint = ScriptedEndpoint { request, number in
        .init(.token("canary-at-\(number)", refreshToken: request.refreshToken))
    }

    private let request = EndpointRequest(
        url: "https://provider.example/token",
        headers: [],
        body: Secret("grant_type=refresh_token&refresh_token=canary-rt%2F1+a"),
        isSingleUse: true,
        answerTimeout: .seconds(60)
    )

    @Test func `it plays its script in order, then what it was made with, and decodes what it was sent`() async throws {
        self.endpoint.play(.error("invalid_grant"))
        #expect(try await self.endpoint.send(self.request) { true }.status == 400)
        #expect(try await self.endpoint.send(self.request) { true }.status == 200)
        #expect(self.endpoint.requests.map(\.refreshToken) == ["canary-rt/1 a", "canary-rt/1 a"])
        #expect(self.endpoint.requests.count(where: \.isReleased) == 2)
    }

    @Test func `what is not released was not sent, and what was is never told as not sent`() async throws {
        await #expect(throws: EndpointError.notSent(.held)) { try await self.endpoint.send(self.request) { false } }
        self.endpoint.play(.notSent(.tls))
        await #expect(throws: EndpointError.notSent(.tls)) {
            try await self.endpoint.send(self.request) {
                Issue.record("asked for leave")
                return true
            }
        }
        #expect(self.endpoint.requests.count(where: \.isReleased) == 0)
        self.endpoint.play(.silence(.timeout))
        await #expect(throws: EndpointError.unknown(.timeout)) { try await self.endpoint.send(self.request) { true } }
        #expect(self.endpoint.requests.last?.isReleased == true)
    }

    @Test func `gates hold a request before and after its last byte`() async throws {
        let (before, after) = (Gate(), Gate())
        self.endpoint.play(.init(.json("{}"), beforeRelease: before, afterRelease: after))
        async let answer = self.endpoint.send(self.request) { true }
        await self.endpoint.requestsArrived(1)
        #expect(!self.endpoint.requests[0].isReleased)
        before.open()
        await self.endpoint.requestsReleased(1)
        after.open()
        #expect(try await answer.status == 200)
    }
}

@Suite struct ClearSealerTests {
    private func place(
        _ name: String,
        _ generation: Int64,
        _ column: SealingPlace.Column = .grant
    ) throws -> SealingPlace {
        SealingPlace(
            store: StoreID("s"),
            account: try AccountID(name),
            column: column,
            generation: Generation(generation)
        )
    }

    @Test func `it opens only what was sealed for exactly this place`() throws {
        let sealer = ClearSealer()
        let sealed = try sealer.seal([1, 2, 3], at: self.place("box/a", 1))
        #expect(try sealer.open(sealed, at: self.place("box/a", 1)) == Secret([1, 2, 3]))
        for place in [try self.place("box/b", 1), try self.place("box/a", 2), try self.place("box/a", 1, .accessToken)]
        {
            #expect(throws: SealingError.refused) { try sealer.open(sealed, at: place) }
        }
        #expect(try sealer.seal([1, 2, 3], at: self.place("box/a", 1)) != sealed, "the same text twice, other bytes")
        sealer.isKeyLost = true
        #expect(throws: SealingError.unknownKey) { try sealer.open(sealed, at: self.place("box/a", 1)) }
    }
}
