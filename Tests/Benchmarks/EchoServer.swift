import NIOCore
import NIOPosix

/// Answers every request on a Unix socket with the same bytes: what the socket library costs when nothing is decided.
enum EchoServer {
    /// Listens until the channel is closed.
    ///
    /// - Parameters:
    ///   - path: Nothing is there yet.
    ///   - answer: Sent for every NUL byte that comes in.
    ///   - group: Where connections live.
    /// - Returns: The listening channel.
    /// - Throws: When the path cannot be bound.
    static func start(path: String, answer: [UInt8], group: any EventLoopGroup) async throws -> any Channel {
        let answer = ByteBuffer(bytes: answer)
        return try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answerer(answer: answer))
                }
            }
            .bind(unixDomainSocketPath: path)
            .get()
    }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answer: ByteBuffer

        init(answer: ByteBuffer) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = self.unwrapInboundIn(data)
            for byte in bytes.readableBytesView where byte == 0 {
                context.write(self.wrapOutboundOut(self.answer), promise: nil)
            }
        }

        func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
