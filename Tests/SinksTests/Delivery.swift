import LoopbackServer
import NIOPosix
import RefreshCore
import Sinks

/// The client's side of a test: a catalogue whose clock shows one moment for ever, shut down at the end.
enum Delivery {
    /// Mon, 02 Mar 2026 10:00:00 GMT.
    static let now = Timestamp(seconds: 1_772_445_600)

    private struct FrozenClock: WallClock {
        var now: Timestamp { Delivery.now }
        var utcShift: Duration { .zero }

        func sleep(until deadline: Timestamp, tolerance: Duration?) async throws {
            await Signal().wait()  // until cancelled
            throw CancellationError()
        }
    }

    static func message(
        accessToken: Secret = Secret("canary-at-1"),
        tokenType: String = "Bearer",
        refreshToken: Secret? = nil,
        account: String = "gdrive/alice@example.com"
    ) throws -> SinkMessage {
        let facts = TokenFacts(tokenType: tokenType, scope: [], issuedAt: self.now, expiresAt: nil)
        return SinkMessage(
            account: try AccountID(account),
            token: Token(accessToken: accessToken, facts: facts, generation: .first),
            refreshToken: refreshToken
        )
    }

    static func settings(_ url: String, sendsRefreshToken: Bool = false) throws -> SetKeysSettings {
        try SetKeysSettings(
            url: EndpointURL(url, insecureLoopback: true),
            publicKey: "demopublickey",
            storageKeys: [ClientID("gdrive"): StorageKey("gdrive")],
            sendsRefreshToken: sendsRefreshToken
        )
    }

    /// Delivers messages in turn to one sink, and gives back what became of each; nil is accepted.
    static func deliver(_ messages: [SinkMessage], settings: SetKeysSettings) async throws -> [SinkError?] {
        let catalogue = SinkCatalogue(group: MultiThreadedEventLoopGroup.singleton, clock: FrozenClock())
        let sink = try catalogue.sink(for: .setKeys(settings))
        var outcomes: [SinkError?] = []
        for message in messages {
            do {
                try await sink.deliver(message)
                outcomes.append(nil)
            } catch {
                outcomes.append(error)
            }
        }
        await catalogue.shutdown()
        return outcomes
    }

    /// Delivers one message to a server that answers with these bytes and closes.
    static func answered(_ answer: String) async throws -> SinkError? {
        try await LoopbackServer.serving { conversation in
            try await conversation.readRequest()
            try await conversation.send(answer)
        } body: { server in
            try await self.deliver([self.message()], settings: self.settings("http://\(server.authority)"))[0]
        }
    }
}
