import NIOCore
import NIOSSL
import Synchronization

/// Sits in each connection and knows two things: when an answer has left whole, and how to cut the line.
///
/// It stands above the HTTP encoder and looks into nothing that passes. The promise it hangs on a write is kept when
/// the socket has taken the bytes, through the encoder and TLS.
final class ConnectionWatch: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = NIOAny
    typealias OutboundOut = NIOAny

    private let connections: OpenConnections
    private var lastWrite: EventLoopFuture<Void>?
    private var countdown: (writes: Int, promise: EventLoopPromise<Void>)?

    init(connections: OpenConnections) {
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        self.connections.add(channel)
        let connections = self.connections
        channel.closeFuture.whenComplete { _ in connections.remove(channel) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
        self.lastWrite = promise.futureResult
        if var countdown = self.countdown {
            countdown.writes -= 1
            self.countdown = countdown.writes == 0 ? nil : countdown
            if countdown.writes == 0 { promise.futureResult.cascade(to: countdown.promise) }
        }
        context.write(data, promise: promise)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.countdown?.promise.fail(ChannelError.ioOnClosedChannel)
        self.countdown = nil
    }

    // MARK: From other tasks

    /// Calls `delivered` once the next `writes` writes have left; never if they do not.
    ///
    /// To be called before the answer is written: what the event loop is given first it does first.
    static func after(writes: Int, on channel: any Channel, delivered: @escaping @Sendable () -> Void) {
        let loop = channel.eventLoop
        loop.execute {
            guard let watch = try? channel.pipeline.syncOperations.handler(type: ConnectionWatch.self) else { return }
            let promise = loop.makePromise(of: Void.self)
            promise.futureResult.whenSuccess(delivered)
            // One that still counts is of an answer that was never written.
            watch.countdown?.promise.fail(ChannelError.ioOnClosedChannel)
            watch.countdown = (writes, promise)
        }
    }

    /// Returns when everything written so far has left.
    static func flushed(_ channel: any Channel) async throws {
        try await channel.eventLoop.flatSubmit {
            let watch = try? channel.pipeline.syncOperations.handler(type: ConnectionWatch.self)
            return watch?.lastWrite ?? channel.eventLoop.makeSucceededVoidFuture()
        }.get()
    }

    /// Cuts the connection as a crash would, with no end of TLS and no end of HTTP, and returns when it is gone.
    static func cut(_ channel: any Channel) async {
        self.startCut(channel)
        try? await channel.closeFuture.get()
    }

    static func startCut(_ channel: any Channel) {
        channel.eventLoop.execute {
            // From behind the TLS handler, which would say good-bye first.
            if let tls = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) {
                tls.close(mode: .all, promise: nil)
            } else {
                channel.close(mode: .all, promise: nil)
            }
        }
    }
}

/// The connections that are open now.
final class OpenConnections: Sendable {
    private struct Book: Sendable {
        var open: [ObjectIdentifier: any Channel] = [:]
        var total = 0
    }

    private let book = Mutex(Book())

    var open: Int { self.book.withLock { $0.open.count } }
    var total: Int { self.book.withLock { $0.total } }

    func add(_ channel: any Channel) {
        self.book.withLock {
            $0.open[ObjectIdentifier(channel)] = channel
            $0.total += 1
        }
    }

    func remove(_ channel: any Channel) {
        self.book.withLock { _ = $0.open.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    /// Cuts all of them.
    func cutAll() {
        let channels = self.book.withLock { Array($0.open.values) }
        for channel in channels { ConnectionWatch.startCut(channel) }
    }
}
