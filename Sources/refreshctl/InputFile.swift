import Glibc

/// A file, or standard input, read from front to back.
final class InputFile {
    private let descriptor: Int32
    /// Bytes in all; `nil` where that is not known, as for a pipe.
    let size: Int?
    /// Bytes read so far.
    private(set) var position = 0
    private var chunk: ArraySlice<UInt8> = []
    private var isAtEnd = false

    /// Opens a file; `-` or `nil` is standard input.
    init(_ path: String?) throws(Failure) {
        if let path, path != "-" {
            self.descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
            guard self.descriptor >= 0 else {
                throw Failure(.failed, "cannot read \(path.escaped): \(unsafe String(cString: strerror(errno)))")
            }
        } else {
            self.descriptor = STDIN_FILENO
        }
        var status = stat()
        let isRegular = unsafe fstat(self.descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        self.size = isRegular ? Int(status.st_size) : nil
    }

    deinit {
        if self.descriptor != STDIN_FILENO { close(self.descriptor) }
    }

    /// Returns the next line without its end, or `nil` after the last.
    ///
    /// A line longer than `limit` is returned cut to `limit + 1` bytes; its rest is read and dropped.
    func nextLine(limit: Int) throws(Failure) -> [UInt8]? {
        var line: [UInt8] = []
        while true {
            if self.chunk.isEmpty {
                guard try self.fill() else { return line.isEmpty ? nil : line }
            }
            let end = self.chunk.firstIndex(of: UInt8(ascii: "\n"))
            line += self.chunk[..<(end ?? self.chunk.endIndex)].prefix(limit + 1 - line.count)
            guard let end else {
                self.chunk = []
                continue
            }
            self.chunk = self.chunk[(end + 1)...]
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            return line
        }
    }

    /// Returns everything, cut to `limit + 1` bytes.
    func readAll(limit: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count <= limit, try self.fill() {
            bytes += self.chunk.prefix(limit + 1 - bytes.count)
        }
        return bytes
    }

    /// Reads the next chunk; `false` at the end.
    private func fill() throws(Failure) -> Bool {
        guard !self.isAtEnd else { return false }
        let capacity = 256 * 1_024
        while true {
            var count = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
                count = unsafe read(self.descriptor, buffer.baseAddress, capacity)
                initialized = max(0, count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw Failure(.failed, "cannot read the input: \(unsafe String(cString: strerror(errno)))")
            }
            self.chunk = bytes[...]
            self.position += count
            self.isAtEnd = count == 0
            return count > 0
        }
    }
}
