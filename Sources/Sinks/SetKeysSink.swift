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

    package func deliver(_ message: SinkMessage) async throws(SinkError) {
        let call = try SetKeysCall(message, settings: self.settings)
        let outcome = await withTaskGroup(of: Result<SetKeysAnswer, SinkError>?.self) { group in
            group.addTask { await self.answer(to: call) }
            group.addTask { await self.timeout() }
            defer { group.cancelAll() }
            // nil comes from a timer that was cancelled together with the caller; the call then ends by itself.
            while let outcome = await group.next() {
                if let outcome { return outcome }
            }
            return .failure(.unavailable(.network, message: "the call was cut short", retryAfter: nil))
        }
        try outcome.get().check(now: self.clock.now + self.clock.utcShift)
    }

    private func timeout() async -> Result<SetKeysAnswer, SinkError>? {
        do {
            try await self.clock.sleep(until: self.clock.now + Self.timeout, tolerance: .milliseconds(100))
            return .failure(.unavailable(.timeout, message: "no answer came in time", retryAfter: nil))
        } catch {
            return nil
        }
    }

    private func answer(to call: SetKeysCall) async -> Result<SetKeysAnswer, SinkError> {
        var request = HTTPClientRequest(url: call.address.reveal())
        request.method = .GET
        request.headers.add(name: "accept", value: "application/json")
        // Saying nothing would permit every coding (RFC 9110 §12.5.3).
        request.headers.add(name: "accept-encoding", value: "identity")
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
