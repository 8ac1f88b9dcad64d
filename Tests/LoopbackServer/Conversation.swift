import NIOCore

/// The server's end of one connection.
package final class Conversation {
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let connection: LoopbackServer.Connection
    /// The server's own port, for answers that point back at it.
    package let port: Int
    // Where the request begins whose parts are read now: a kept connection brings several.
    private var start = 0

    init(
        inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        connection: LoopbackServer.Connection,
        port: Int
    ) {
        self.inbound = inbound.makeAsyncIterator()
        self.outbound = outbound
        self.connection = connection
        self.port = port
    }

    /// The client closed before what was waited for came.
    package struct Ended: Error {}

    /// The request under way, as far as it has come.
    package var received: LoopbackServer.Received {
        LoopbackServer.Received(bytes: Array(self.connection.received.bytes.dropFirst(self.start)))
    }

    /// Waits for a head and so many bytes of a body, and returns all that has come by then.
    @discardableResult
    package func read(bodyBytes: Int) async throws -> LoopbackServer.Received {
        while true {
            let received = self.received
            if received.head != nil, received.body.count >= bodyBytes { return received }
            guard try await self.inbound.next(isolation: #isolation) != nil else { throw Ended() }
        }
    }

    /// Waits for a whole request, by its Content-Length, and makes room for the next.
    @discardableResult
    package func readRequest() async throws -> LoopbackServer.Received {
        let head = try await self.read(bodyBytes: 0).head ?? ""
        let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst("content-length:".count).filter { $0 != " " }) }
        let request = try await self.read(bodyBytes: length ?? 0)
        self.start += request.bytes.count
        return request
    }

    /// Waits until the client has closed the connection.
    package func readToEnd() async { while (try? await self.inbound.next(isolation: #isolation)) ?? nil != nil {} }

    package func send(_ text: String) async throws { try await self.outbound.write(ByteBuffer(string: text)) }

    package func send(_ bytes: [UInt8]) async throws { try await self.outbound.write(ByteBuffer(bytes: bytes)) }

    /// Sends a whole answer with a Content-Length.
    package func answer(_ status: String, headers: String = "", body: String = "") async throws {
        try await self.send("HTTP/1.1 \(status)\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
}
