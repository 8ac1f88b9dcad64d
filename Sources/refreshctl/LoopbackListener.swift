import NIOCore
import NIOPosix

/// The place on this machine that the browser comes back to (RFC 8252 §7.3).
///
/// It listens on 127.0.0.1 alone and for one authorization. It reads the first line of a request and nothing else of it.
struct LoopbackListener: Sendable {
    static let path = "/callback?"

    /// One request that came.
    struct Visit: Sendable {
        /// The request's target: `/callback?code=…`.
        let target: String
        fileprivate let channel: any Channel

        /// Answers, and closes.
        @discardableResult func answer(_ page: Page) -> Task<Void, Never> {
            let channel = self.channel
            // Awaited where the program could otherwise end before the page is out; ends with the connection.
            return Task {
                try? await channel.writeAndFlush(ByteBuffer(string: page.response))
                try? await channel.close()
            }
        }
    }

    enum Page: Sendable {
        case granted, failed, notFound

        fileprivate var response: String {
            let (status, text) =
                switch self {
                case .granted: ("200 OK", "Access is granted. You may close this page.")
                case .failed: ("400 Bad Request", "Access was not granted. The terminal says why.")
                case .notFound: ("404 Not Found", "There is nothing here.")
                }
            let page = "<!doctype html><meta charset=\"utf-8\"><title>refreshd</title><p>\(text)</p>\n"
            return """
                HTTP/1.1 \(status)\r
                Content-Type: text/html; charset=utf-8\r
                Content-Length: \(page.utf8.count)\r
                Cache-Control: no-store\r
                Referrer-Policy: no-referrer\r
                Connection: close\r
                \r
                \(page)
                """
        }
    }

    /// `http://127.0.0.1:PORT`.
    let origin: String
    let visits: AsyncStream<Visit>
    private let channel: any Channel

    var redirectURI: String { self.origin + Self.path.dropLast() }

    /// - Parameter port: 0 for any.
    /// - Returns: A listener that takes visits already.
    /// - Throws: `Failure` when the port cannot be had.
    static func open(port: Int) async throws -> LoopbackListener {
        // More than a browser opens at once; the rest is turned away.
        let (visits, source) = AsyncStream.makeStream(of: Visit.self, bufferingPolicy: .bufferingOldest(16))
        do {
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(FirstLine(visits: source))
                    }
                }
                .bind(host: "127.0.0.1", port: port).get()
            guard let port = channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
            return LoopbackListener(origin: "http://127.0.0.1:\(port)", visits: visits, channel: channel)
        } catch {
            throw Failure(.failed, "cannot listen on 127.0.0.1 port \(port); name another with --port, or use --paste")
        }
    }

    func close() { self.channel.close(promise: nil) }

    /// Reads a request up to the end of its head.
    private final class FirstLine: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private static let longestHead = 32 * 1_024

        private let visits: AsyncStream<Visit>.Continuation
        private var head: [UInt8] = []
        private var isDone = false

        init(visits: AsyncStream<Visit>.Continuation) { self.visits = visits }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !self.isDone else { return }
            self.head += self.unwrapInboundIn(data).readableBytesView
            guard self.head.count <= Self.longestHead else { return context.close(promise: nil) }
            // What follows the head is nobody's business here, but a head that is not whole may be another program's.
            guard self.head.suffix(4) == Array("\r\n\r\n".utf8)[...] else { return }
            self.isDone = true
            let line = self.head.prefix { $0 != UInt8(ascii: "\r") }.split(separator: UInt8(ascii: " "))
            guard line.count == 3, line[0] == Array("GET".utf8)[...], line[2].starts(with: "HTTP/1.".utf8),
                line[1].allSatisfy({ (0x21...0x7E).contains($0) })
            else { return context.close(promise: nil) }
            let visit = Visit(target: String(decoding: line[1], as: UTF8.self), channel: context.channel)
            if case .enqueued = self.visits.yield(visit) { return }
            context.close(promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
