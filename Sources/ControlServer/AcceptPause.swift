import Glibc
import NIOCore

/// Stops accepting for a moment when no descriptor is left (facts H14).
///
/// NIO's own handler holds back the next read, while one that is pending goes on failing, for a whole core's worth.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let length: TimeAmount = .milliseconds(200)
    private static let shortages: Set<CInt> = [EMFILE, ENFILE, ENOBUFS, ENOMEM]

    private var isPaused = false

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let shortage = error as? IOError, Self.shortages.contains(shortage.errnoCode) else {
            context.fireErrorCaught(error)
            return
        }
        guard !self.isPaused else { return }
        self.isPaused = true
        let options = context.channel.syncOptions
        try? options?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.length) {
            self.isPaused = false
            // Fails when the channel has been closed meanwhile.
            try? options?.setOption(.autoRead, value: true)
        }
    }
}
