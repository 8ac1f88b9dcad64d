import NIOCore
import NIOHTTP1

/// What a server may spend on the part of an answer that comes before its body (facts T4, E13).
///
/// The client library reads up to 2 MiB of headers, and interim answers without end. So two handlers stand around its
/// parser: one counts the bytes that go in, one sees what comes out.
enum AnswerLimits {
    /// For all interim answers and the final head together.
    static let headBytes = 32 * 1_024
    static let interimAnswers = 8

    /// Puts the handlers around the parser of a new connection.
    static func install(in channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let parser = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            let meter = Meter()
            try pipeline.addHandler(BytesIn(meter: meter), position: .before(parser))
            try pipeline.addHandler(PartsOut(meter: meter), position: .after(parser))
        }
    }

    /// What both handlers know; they run on one event loop.
    private final class Meter {
        var isBeforeBody = true
        var bytes = 0
        var interim = 0

        var isExceeded: Bool {
            self.isBeforeBody && (self.bytes > AnswerLimits.headBytes || self.interim > AnswerLimits.interimAnswers)
        }

        func startOver() {
            self.isBeforeBody = true
            self.bytes = 0
            self.interim = 0
        }
    }

    private final class BytesIn: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer

        private let meter: Meter

        init(meter: Meter) { self.meter = meter }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = self.unwrapInboundIn(data)
            if self.meter.isBeforeBody { self.meter.bytes += bytes.readableBytes }
            context.fireChannelRead(self.wrapInboundOut(bytes))
            // The parser has run by now, so a head that ended within these bytes has been seen.
            guard self.meter.isExceeded else { return }
            context.fireErrorCaught(AnswerFault.oversize)
            context.close(promise: nil)
        }
    }

    private final class PartsOut: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart
        typealias InboundOut = HTTPClientResponsePart

        private let meter: Meter

        init(meter: Meter) { self.meter = meter }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let part = self.unwrapInboundIn(data)
            switch part {
            case .head(let head) where (100..<200).contains(head.status.code) && head.status != .switchingProtocols:
                self.meter.interim += 1
            case .head:
                self.meter.isBeforeBody = false
            case .body:
                break
            case .end:
                if !self.meter.isBeforeBody { self.meter.startOver() }
            }
            context.fireChannelRead(self.wrapInboundOut(part))
        }
    }
}

/// What is wrong with an answer that the parser let pass.
enum AnswerFault: Error, Hashable, Sendable {
    case oversize
    case malformed
}
