import Glibc
import NIOPosix

/// One line from the person at the terminal, not shown while it is entered.
///
/// A code is a secret for as long as it lives, and a terminal's own line editing cuts a line at 4,095 characters, which
/// some providers' addresses are longer than. So the characters are taken as they come. The terminal is put back however
/// the reading ends.
enum HiddenLine {
    static let longest = 16_384

    /// Reads a line from standard input; one that is no terminal is read as it is.
    ///
    /// - Parameter prompt: Is shown when nothing that is entered is shown any more.
    /// - Returns: Nil at the end of the input, or when the caller is cancelled.
    /// - Throws: `Failure` when there are no descriptors left.
    static func read(_ prompt: String) async throws -> String? {
        var ends: [Int32] = [0, 0]
        guard unsafe pipe(&ends) == 0 else {
            throw Failure(.failed, "cannot read the terminal: \(unsafe String(cString: strerror(errno)))")
        }
        let (wake, waker) = (ends[0], ends[1])
        defer {
            close(wake)
            close(waker)
        }
        // A thread of its own: a read that waits for a person must not hold up the tasks.
        return try await withTaskCancellationHandler {
            try await NIOThreadPool.singleton.runIfActive { Self.line(STDIN_FILENO, prompt, unlessReadable: wake) }
        } onCancel: {
            var byte: UInt8 = 0
            _ = unsafe write(waker, &byte, 1)
        }
    }

    /// - Parameters:
    ///   - input: Where the characters come from.
    ///   - prompt: As for `read`.
    ///   - wake: Ends the reading when there is something in it.
    /// - Returns: Nil when nothing was entered, or the reading was ended.
    static func line(_ input: Int32, _ prompt: String, unlessReadable wake: Int32) -> String? {
        var before = termios()
        let isTerminal = unsafe tcgetattr(input, &before) == 0
        if isTerminal {
            var quiet = before
            quiet.c_lflag &= ~tcflag_t(ECHO | ICANON)
            // Not put aside (Ctrl-Z) meanwhile: the shell would bring it back with a terminal that shows what is entered.
            unsafe withUnsafeMutableBytes(of: &quiet.c_cc) { unsafe $0[Int(VSUSP)] = 0 }
            unsafe tcsetattr(input, TCSAFLUSH, &quiet)
        }
        defer {
            if isTerminal {
                unsafe tcsetattr(input, TCSAFLUSH, &before)
                // The Enter that was not shown.
                Terminal.standardError.write("\n")
            }
        }
        Terminal.standardError.write(prompt)
        var line = Line()
        while true {
            var watched = [
                pollfd(fd: input, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
            ]
            guard unsafe poll(&watched, 2, -1) > 0 else {
                if errno == EINTR { continue }
                return nil
            }
            if watched[1].revents != 0 { return nil }
            var byte: UInt8 = 0
            let count = unsafe Glibc.read(input, &byte, 1)
            if count < 0, errno == EINTR { continue }
            // Half a code of a terminal that was closed is none.
            guard count == 1 else { return isTerminal ? nil : line.text }
            switch line.take(byte, isTerminal: isTerminal) {
            case .more: continue
            case .end: return line.text
            case .givenUp: return nil
            }
        }
    }

    /// A line that is being entered, with the keys that a terminal's own editing would know.
    struct Line {
        enum Next: Hashable {
            case more, end, givenUp
        }

        private var bytes: [UInt8] = []

        /// What has been entered; nil if that is nothing.
        var text: String? {
            let text = String(decoding: self.bytes, as: UTF8.self)
            let visible = text.drop { $0.isWhitespace }
            return visible.lastIndex { !$0.isWhitespace }.map { String(visible[...$0]) }
        }

        mutating func take(_ byte: UInt8, isTerminal: Bool) -> Next {
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"): return .end
            // Ctrl-D ends the input where nothing has been entered, as it does elsewhere.
            case 0x04 where isTerminal: return self.bytes.isEmpty ? .givenUp : .more
            case 0x08 where isTerminal, 0x7F where isTerminal: _ = self.bytes.popLast()
            // Ctrl-U
            case 0x15 where isTerminal: self.bytes = []
            // No other key is part of a code or an address.
            case 0x00..<0x20 where isTerminal: break
            default: if self.bytes.count < HiddenLine.longest { self.bytes.append(byte) }
            }
            return .more
        }
    }
}
