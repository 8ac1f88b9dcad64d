import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import RefreshCore

// Requests without a body, as Meta has them: what they spend can be spent again, so no last byte has to be held back.
extension HTTPTokenEndpoint {
    /// Asks for leave, sends the request at one go and reads the answer.
    ///
    /// Connecting and the answer together have `connectTimeout` and `request.answerTimeout`. A cancelled caller does not
    /// take the request with it once it has leave.
    ///
    /// - Parameters:
    ///   - request: Its query is joined to the address here, and nowhere else.
    ///   - url: The address as it was checked.
    ///   - mayRelease: Asked before anything is connected.
    /// - Returns: A complete answer, of any status.
    /// - Throws: `EndpointError`; `notSent` only for what is certain to have failed before the head left.
    func sendWhole(
        _ request: EndpointRequest,
        url: String,
        mayRelease: @Sendable () async -> Bool
    ) async throws(EndpointError) -> RawAnswer {
        guard await mayRelease() else { throw .notSent(.held) }
        // A task of its own, as for a POST: the answer may hold the only token that is still to live.
        let exchange = Task { await self.performWhole(request, url: url) }
        let answering = self.answering.set(self.clock.now + self.connectTimeout + request.answerTimeout) {
            exchange.cancel()
        }
        defer { self.answering.clear(answering) }
        return try await exchange.value.get()
    }

    private func performWhole(_ request: EndpointRequest, url: String) async -> Result<RawAnswer, EndpointError> {
        var address = url
        if let query = request.query {
            address += address.contains("?") ? "&" : "?"
            address += query.reveal()
        }
        var message = HTTPClientRequest(url: address)
        message.method = .GET
        for (name, value) in request.headers { message.headers.add(name: name, value: value.reveal()) }
        if !message.headers.contains(name: "accept-encoding") {
            message.headers.add(name: "accept-encoding", value: "identity")
        }
        do {
            let client = request.isSingleUse ? self.singleUse : self.pooled
            let response = try await client.execute(message, deadline: .distantFuture)
            return .success(try await Self.read(response))
        } catch is CancellationError {
            return .failure(.unknown(.timeout))
        } catch let error as HTTPClientError where error == .cancelled {
            // By the deadline: nobody else holds this task.
            return .failure(.unknown(.timeout))
        } catch {
            let isUnsent = Self.isBeforeHead(error)
            let reason = EndpointError.Reason(error, isConnected: !isUnsent)
            return .failure(isUnsent ? .notSent(reason) : .unknown(reason))
        }
    }

    /// ENETUNREACH, ECONNREFUSED and EHOSTUNREACH.
    private static let refusals: Set<CInt> = [101, 111, 113]

    /// Whether an error is one of those that end a request before there is a connection to send its head on.
    private static func isBeforeHead(_ error: any Error) -> Bool {
        switch error {
        case is NIOConnectionError: true
        case let error as HTTPClientError: error == .connectTimeout || error == .tlsHandshakeTimeout
        case NIOSSLError.handshakeFailed, is NIOSSLExtraError: true
        // What `connect` says of an address; an established connection ends in other ways.
        case let error as IOError: Self.refusals.contains(error.errnoCode)
        default: false
        }
    }
}
