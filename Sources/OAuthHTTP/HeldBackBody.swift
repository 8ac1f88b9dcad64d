import KillPoints
import NIOCore

/// A request body of known length that keeps its last byte until it is released.
///
/// The connection asks for the second part only after it has taken the first. That request is the sign that all but
/// the last byte is on its way, and the wait inside it is what holds the last byte back. A server that goes by
/// Content-Length cannot act before that (facts, section 3).
struct HeldBackBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private let bytes: ByteBuffer
    private let release: Release

    /// - Precondition: `bytes` holds at least one.
    init(_ bytes: ByteBuffer, release: Release) {
        precondition(bytes.readableBytes > 0, "there is no last byte to hold back")
        self.bytes = bytes
        self.release = release
    }

    var count: Int { self.bytes.readableBytes }

    func makeAsyncIterator() -> Iterator { Iterator(bytes: self.bytes, release: self.release) }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate var bytes: ByteBuffer
        fileprivate let release: Release

        /// All but the last byte, then, when it is released, the last, then nil.
        mutating func next() async throws -> ByteBuffer? {
            self.release.bodyAskedFor()
            if self.bytes.readableBytes > 1 { return self.bytes.readSlice(length: self.bytes.readableBytes - 1) }
            guard self.bytes.readableBytes == 1 else {
                KillPoint.afterRelease.pass()
                return nil
            }
            try await self.release.leave()
            return self.bytes.readSlice(length: 1)
        }
    }
}
