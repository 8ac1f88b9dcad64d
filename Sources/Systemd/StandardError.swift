import Glibc
import Synchronization

/// Standard error that is never waited for: lines for which there is no room are dropped and counted (facts I12).
///
/// A reader that has stopped lets a pipe fill, and a daemon that waited for it would refresh nothing. So there is a look
/// before every write, and no write is longer than what a pipe takes whole once it has room (pipe(7), `PIPE_BUF`).
package final class StandardError: Sendable {
    private struct State {
        var lost = 0
        /// The last line was cut off: the next begins on a line of its own.
        var isTorn = false
    }

    package static let shared = StandardError(descriptor: STDERR_FILENO)
    private static let pieceLength = 4_096

    private let descriptor: CInt
    private let state = Mutex(State())

    /// - Parameter descriptor: Where lines go; somebody else's to close.
    package init(descriptor: CInt) { self.descriptor = descriptor }

    /// How many lines have been dropped since the last that was written.
    package var lost: Int { self.state.withLock { $0.lost } }

    /// Writes a line whole, its end included, or drops it.
    package func write(_ line: [UInt8]) {
        // Under the lock: between the look and the write no other thread takes the room.
        self.state.withLock { state in
            var bytes = line
            if state.lost > 0 {
                bytes =
                    Array("WARNING lines of the log were lost, for nobody read them lost=\(state.lost)\n".utf8) + line
            }
            if state.isTorn { bytes.insert(UInt8(ascii: "\n"), at: 0) }
            let written = self.writePieces(bytes[...])
            if written == bytes.count {
                state = State()
            } else {
                state.lost += 1
                if written > 0 { state.isTorn = true }
            }
        }
    }

    /// - Returns: How many bytes there was room for.
    private func writePieces(_ bytes: ArraySlice<UInt8>) -> Int {
        var rest = bytes
        while !rest.isEmpty, self.hasRoom {
            let piece = rest.prefix(Self.pieceLength)
            let written = unsafe piece.withUnsafeBytes { bytes in
                unsafe Glibc.write(self.descriptor, bytes.baseAddress, bytes.count)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { break }
            rest = rest.dropFirst(written)
        }
        return bytes.count - rest.count
    }

    private var hasRoom: Bool {
        var look = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&look, 1, 0) == 1 && look.revents & Int16(POLLOUT) != 0
    }
}
