import NIOCore
import NIOPosix
package import NIOSSL
import Synchronization

/// A server on loopback that says exactly what a test tells it to, byte for byte.
///
/// It knows nothing of HTTP but where a head ends, so that it can break every rule of it.
package final class LoopbackServer: Sendable {
    package let host: String
    package let port: Int
    private let accepted = Mutex<[Connection]>([])

    private init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `host:port`, an IPv6 host in brackets.
    package var authority: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    /// How many connections were accepted so far.
    package var connections: Int { self.accepted.withLock { $0.count } }

    /// What came over the n-th connection so far, after decryption.
    package func received(on connection: Int = 0) -> Received {
        self.accepted.withLock { connection < $0.count ? $0[connection].received : Received() }
    }

    /// Serves while `body` runs.
    ///
    /// Each connection has a `conversation`, and is closed when that returns or throws. When `body` returns, all are.
    package static func serving<R: Sendable>(
        on host: String = "127.0.0.1",
        tls: TLSConfiguration? = nil,
        conversation: @escaping @Sendable (Conversation) async throws -> Void,
        body: @Sendable (LoopbackServer) async throws -> R
    ) async throws -> R {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let opened = Mutex<LoopbackServer?>(nil)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: host, port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = Connection()
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    }
                    try channel.pipeline.syncOperations.addHandler(Recorder(connection))
                    opened.withLock { $0 }?.accepted.withLock { $0.append(connection) }
                    let wrapped = try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true)
                    )
                    return (wrapped, connection)
                }
            }
        let server = LoopbackServer(host: host, port: listener.channel.localAddress?.port ?? 0)
        opened.withLock { $0 = server }

        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await withThrowingDiscardingTaskGroup { connections in
                    try await listener.executeThenClose { inbound in
                        for try await (channel, connection) in inbound {
                            connections.addTask { await Self.hold(channel, connection, conversation) }
                        }
                    }
                }
            }
            let result = try await body(server)
            group.cancelAll()
            return result
        }
    }

    /// Never throws: most conversations end with a connection that the other side has closed.
    private static func hold(
        _ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>,
        _ connection: Connection,
        _ conversation: @Sendable (Conversation) async throws -> Void
    ) async {
        try? await channel.executeThenClose { inbound, outbound in
            try await conversation(
                Conversation(
                    inbound: inbound,
                    outbound: outbound,
                    connection: connection,
                    port: channel.channel.localAddress?.port ?? 0
                )
            )
        }
    }
}

extension LoopbackServer {
    /// What one connection brought.
    package struct Received: Sendable {
        package var bytes: [UInt8] = []

        /// The head with its empty line; nil until it is whole.
        package var head: String? {
            let end = self.headEnd
            return end.map { String(decoding: self.bytes[..<$0], as: UTF8.self) }
        }

        /// Everything after the head; for a conversation of one request, its body so far.
        package var body: [UInt8] { self.headEnd.map { Array(self.bytes[$0...]) } ?? [] }

        private var headEnd: Int? {
            let mark = Array("\r\n\r\n".utf8)
            guard self.bytes.count >= mark.count else { return nil }
            return (0...(self.bytes.count - mark.count)).first { self.bytes[$0...].starts(with: mark) }
                .map { $0 + mark.count }
        }
    }

    /// The record of one connection.
    final class Connection: Sendable {
        private let bytes = Mutex<[UInt8]>([])

        var received: Received { Received(bytes: self.bytes.withLock { $0 }) }

        func append(_ more: ByteBuffer) { self.bytes.withLock { $0.append(contentsOf: more.readableBytesView) } }
    }

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let connection: Connection

        init(_ connection: Connection) { self.connection = connection }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.connection.append(self.unwrapInboundIn(data))
            context.fireChannelRead(data)
        }
    }
}
