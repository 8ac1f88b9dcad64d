package import NIOCore

/// Cuts the byte stream of a varlink connection into messages.
///
/// A message is one JSON object and a single NUL byte; the frame that comes out is the object
/// without the NUL. The decoder does not look inside it.
package struct FrameDecoder: NIOSingleStepByteToMessageDecoder {
    package typealias InboundOut = ByteBuffer

    private let maximumLength: Int
    // Bytes already known to hold no NUL. Without it a peer that sends one byte at a time would
    // make every byte cost a scan of all the bytes before it.
    private var searched = 0

    /// - Parameter maximumLength: The longest message in bytes, its NUL not counted.
    package init(maximumLength: Int) {
        self.maximumLength = maximumLength
    }

    /// Returns the next whole message, or `nil` if more bytes are needed.
    ///
    /// - Throws: `FrameError.tooLong` as soon as the limit is passed, whether or not the end has been seen. The stream
    ///   cannot be followed any further: close it.
    package mutating func decode(buffer: inout ByteBuffer) throws(FrameError) -> ByteBuffer? {
        let unread = buffer.readableBytesView
        let nul = unread.dropFirst(self.searched).firstIndex(of: 0)
        let length = nul.map { $0 - unread.startIndex } ?? unread.count
        guard length <= self.maximumLength else { throw .tooLong(limit: self.maximumLength) }
        guard nul != nil else {
            self.searched = length
            return nil
        }
        self.searched = 0
        defer { buffer.moveReaderIndex(forwardBy: 1) }
        return buffer.readSlice(length: length)
    }

    /// A stream that ends inside a message ends; half a message is nobody's message.
    package mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws(FrameError) -> ByteBuffer? {
        let frame = try self.decode(buffer: &buffer)
        if frame == nil, buffer.readableBytes > 0 { throw .truncated }
        return frame
    }
}

/// Why a stream cannot be cut into messages any further.
///
/// The connection has to be closed.
package enum FrameError: Error, Hashable, Sendable {
    /// A message is longer than `limit` bytes.
    case tooLong(limit: Int)
    /// The peer closed the stream inside a message.
    case truncated
}
