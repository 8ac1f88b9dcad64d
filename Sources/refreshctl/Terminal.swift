import Glibc

/// Standard output or standard error.
struct Terminal: Sendable {
    static let standardOutput = Terminal(descriptor: STDOUT_FILENO)
    static let standardError = Terminal(descriptor: STDERR_FILENO)

    enum WriteError: Error, Hashable, Sendable {
        /// Whoever read our output has had enough, as `head` does. Nothing to complain about.
        case readerIsGone
        case failed(detail: String)
    }

    private let descriptor: Int32

    var isTerminal: Bool { isatty(self.descriptor) == 1 }

    /// The width in characters, or `nil` if this is no terminal or does not say.
    var width: Int? {
        var size = winsize()
        guard self.isTerminal, unsafe ioctl(self.descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return size.ws_col > 0 ? Int(size.ws_col) : nil
    }

    /// Colour on a terminal that has it, unless `NO_COLOR` is set to anything (no-color.org).
    var hasColour: Bool {
        guard self.isTerminal, unsafe getenv("NO_COLOR").map({ unsafe $0.pointee == 0 }) ?? true else { return false }
        return unsafe getenv("TERM").map { unsafe String(cString: $0) != "dumb" } ?? true
    }

    /// Writes the line and its end.
    func print(_ line: String) throws(WriteError) {
        try self.writeAll(line + "\n")
    }

    func writeAll(_ text: String) throws(WriteError) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(self.descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                bytes = bytes.dropFirst(count)
            } else if errno == EPIPE {
                throw .readerIsGone
            } else if errno != EINTR {
                throw .failed(detail: unsafe String(cString: strerror(errno)))
            }
        }
    }

    /// Writes what may as well get lost: a complaint about standard error has nowhere to go.
    func write(_ text: String) {
        try? self.writeAll(text)
    }
}
