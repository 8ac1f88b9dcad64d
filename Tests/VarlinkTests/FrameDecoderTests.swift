import NIOCore
import NIOEmbedded
import Testing
import Varlink

@Suite struct FrameDecoderTests {
    static let stream: [UInt8] = Array("{}\u{0}{\"method\":\"a.b.C\"}\u{0}\u{0}x\u{0}".utf8)
    static let frames = ["{}", "{\"method\":\"a.b.C\"}", "", "x"]

    @Test(arguments: 0...Self.stream.count)
    func `a stream cut at any two places gives the same frames`(first: Int) throws {
        for second in first...Self.stream.count {
            let pieces = [Self.stream[..<first], Self.stream[first..<second], Self.stream[second...]]
            #expect(try Self.frames(of: pieces.map(Array.init), limit: 64) == Self.frames)
        }
    }

    @Test func `a stream that comes a byte at a time gives the same frames`() throws {
        #expect(try Self.frames(of: Self.stream.map { [$0] }, limit: 64) == Self.frames)
    }

    @Test func `a frame of the limit passes and one more byte does not`() throws {
        let text = String(repeating: "a", count: 10)
        #expect(try Self.frames(of: [Array(text.utf8) + [0]], limit: 10) == [text])
        #expect(throws: FrameError.tooLong(limit: 9)) { try Self.frames(of: [Array(text.utf8) + [0]], limit: 9) }
    }

    @Test func `a frame that is too long is refused before its end is seen`() {
        #expect(throws: FrameError.tooLong(limit: 4)) { try Self.frames(of: [Array("abcd".utf8), [0x65]], limit: 4) }
    }

    @Test func `a stream that ends inside a message is an error`() {
        #expect(throws: FrameError.truncated) {
            let channel = EmbeddedChannel(handler: ByteToMessageHandler(FrameDecoder(maximumLength: 10)))
            try channel.writeInbound(ByteBuffer(string: "{}\u{0}{"))
            _ = try channel.finish()
        }
    }

    @Test func `an encoded frame ends with one NUL`() throws {
        let channel = EmbeddedChannel(handler: MessageToByteHandler(FrameEncoder()))
        try channel.writeOutbound(ByteBuffer(string: "{}"))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "{}\u{0}"))
        #expect(try channel.finish().isClean)
    }

    private static func frames(of pieces: [[UInt8]], limit: Int) throws -> [String] {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(FrameDecoder(maximumLength: limit)))
        var frames: [String] = []
        for piece in pieces {
            try channel.writeInbound(ByteBuffer(bytes: piece))
            while let frame = try channel.readInbound(as: ByteBuffer.self) { frames.append(String(buffer: frame)) }
        }
        _ = try channel.finish()
        return frames
    }
}
