import AsyncHTTPClient
import NIOCore
import NIOHTTP1
package import RefreshCore

/// Hands tokens over with a `set_keys` call.
///
/// The address of the call holds the token. So no address is ever given to a log, an error, a tracer or a redirect, and
/// errors of the layers below are translated by their type, because some of them print it (facts T13).
package struct SetKeysSink: TokenSink {
    /// The largest answer that is read, in bytes.
    package static let largestAnswer = 64 * 1_024
    /// For the whole call.
    static let timeout = Duration.seconds(30)

    let settings: SetKeysSettings
    let client: HTTPClient
    let clock: any WallClock
    /// Nil where nobody keeps cookies: then every call is a new visitor's.
    let sessions: SetKeysSessions?

    package func removed(_ account: AccountID) { self.sessions?.wake() }

    package func deliver(_ message: SinkMessage) async throws(SinkError) {
        let call = try SetKeysCall(message, settings: self.settings)
        guard let sessions, let key = self.settings.jarKey(of: message.account) else {
            return try await self.ask(call, CookieJar()).check(now: self.utc)
        }
        var jar: CookieJar
        do throws(StoreError) {
            jar = try await sessions.jar(key)
        } catch {
            throw .unavailable(.storeUnavailable, message: "the session could not be read", retryAfter: nil)
        }
        let answer = try await self.ask(call, jar)
        try answer.check(now: self.utc)
        let before = jar
        for header in answer.headers where header.name == "set-cookie" { jar.take(header.value) }
        if jar != before { await sessions.keep(jar, key) }
    }

    private var utc: Timestamp { self.clock.now + self.clock.utcShift }

    private func ask(_ call: SetKeysCall, _ jar: CookieJar) async throws(SinkError) -> SetKeysAnswer {
        let outcome = await withTaskGroup(of: Result<SetKeysAnswer, SinkError>?.self) { group in
            group.addTask { await self.answer(to: call, jar) }
            group.addTask { await self.timeout() }
            defer { group.cancelAll() }
            // nil comes from a timer that was cancelled together with the caller; the call then ends by itself.
            while let outcome = await group.next() {
                if let outcome { return outcome }
            }
            return .failure(.unavailable(.network, message: "the call was cut short", retryAfter: nil))
        }
        return try outcome.get()
    }

    private func timeout() async -> Result<SetKeysAnswer, SinkError>? {
        do {
            try await self.clock.sleep(until: self.clock.now + Self.timeout, tolerance: .milliseconds(100))
            return .failure(.unavailable(.timeout, message: "no answer came in time", retryAfter: nil))
        } catch {
            return nil
        }
    }

    private func answer(to call: SetKeysCall, _ jar: CookieJar) async -> Result<SetKeysAnswer, SinkError> {
        var request = HTTPClientRequest(url: call.address.reveal())
        request.method = .GET
        request.headers.add(name: "accept", value: "application/json")
        // Saying nothing would permit every coding (RFC 9110 §12.5.3).
        request.headers.add(name: "accept-encoding", value: "identity")
        if let cookies = jar.header { request.headers.add(name: "cookie", value: cookies.reveal()) }
        do {
            let response = try await self.client.execute(request, deadline: .distantFuture)
            var body: [UInt8] = []
            for try await part in response.body {
                guard body.count + part.readableBytes <= Self.largestAnswer else {
                    let message = "the answer was larger than allowed"
                    return .failure(.unavailable(.malformedAnswer, message: message, retryAfter: nil))
                }
                body.append(contentsOf: part.readableBytesView)
            }
            let headers = response.headers.map { (name: $0.name.lowercased(), value: $0.value) }
            return .success(SetKeysAnswer(status: Int(response.status.code), headers: headers, body: body))
        } catch {
            return .failure(SinkError(transport: error))
        }
    }
}
