import ArgumentParser
import Glibc

/// A file that has its mode before it has content.
struct PlainFile {
    var path: String

    /// Replaces what the file holds.
    ///
    /// - Throws: `ValidationError`, whose words name the path and the reason.
    func write(_ text: String, mode: mode_t) throws {
        let descriptor = unsafe open(self.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw Self.failure("cannot open \(self.path)") }
        defer { close(descriptor) }
        // An older file keeps its mode at open, and the umask may have taken bits from a new one.
        guard fchmod(descriptor, mode) == 0 else { throw Self.failure("cannot set the mode of \(self.path)") }
        try Self.write(text, to: descriptor, name: self.path)
    }

    /// Writes past any buffer: a line that waits for company would be waited for.
    static func standardOutput(_ text: String) throws {
        try self.write(text, to: STDOUT_FILENO, name: "standard output")
    }

    private static func write(_ text: String, to descriptor: CInt, name: String) throws {
        var bytes = ArraySlice(Array(text.utf8))
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw self.failure("cannot write to \(name)") }
            bytes = bytes.dropFirst(count)
        }
    }

    private static func failure(_ what: String) -> ValidationError {
        let code = errno
        return ValidationError("\(what): \(unsafe String(cString: strerror(code)))")
    }
}
