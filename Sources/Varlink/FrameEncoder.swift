package import NIOCore

/// Ends each outgoing message with the NUL byte that marks it.
package struct FrameEncoder: MessageToByteEncoder, Sendable {
    package typealias OutboundIn = ByteBuffer

    package init() {}

    /// Writes the message's JSON, which must hold no NUL byte; JSON text never does.
    package func encode(data: ByteBuffer, out: inout ByteBuffer) {
        out.writeImmutableBuffer(data)
        out.writeInteger(0 as UInt8)
    }
}
