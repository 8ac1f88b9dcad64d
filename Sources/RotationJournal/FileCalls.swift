import Glibc

/// What the journal asks of the system, so that a test can have any of it fail.
///
/// Each returns what the system call does, but minus `errno` in place of -1.
package struct FileCalls: Sendable {
    /// open(2), with the flags and permissions of the third argument.
    package var open: @Sendable (_ path: String, _ flags: Int32, _ mode: UInt32) -> Int32
    /// pwrite(2) of the bytes from an index on; may write fewer.
    package var write: @Sendable (_ file: Int32, _ bytes: [UInt8], _ from: Int, _ position: Int) -> Int
    /// pread(2) of at most so many bytes.
    package var read: @Sendable (_ file: Int32, _ count: Int, _ position: Int) -> (count: Int, bytes: [UInt8])
    /// fdatasync(2): all that was written in place; blocks are not allocated any more.
    package var syncData: @Sendable (_ file: Int32) -> Int32
    /// fsync(2), for files that were just made, and folders.
    package var syncAll: @Sendable (_ file: Int32) -> Int32
    package var rename: @Sendable (_ from: String, _ to: String) -> Int32
    package var unlink: @Sendable (_ path: String) -> Int32
    package var close: @Sendable (_ file: Int32) -> Void

    /// The system's own.
    package static let system = FileCalls(
        open: { path, flags, mode in Self.result(unsafe Glibc.open(path, flags, mode)) },
        write: { file, bytes, from, position in
            unsafe bytes.withUnsafeBytes { all in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: all[from...])
                return Self.result(unsafe pwrite(file, rest.baseAddress, rest.count, off_t(position)))
            }
        },
        read: { file, count, position in
            var bytes = [UInt8](repeating: 0, count: count)
            let read = Self.result(unsafe pread(file, &bytes, count, off_t(position)))
            bytes.removeLast(count - max(read, 0))
            return (read, bytes)
        },
        syncData: { Self.result(fdatasync($0)) },
        syncAll: { Self.result(fsync($0)) },
        rename: { Self.result(unsafe Glibc.rename($0, $1)) },
        unlink: { Self.result(unsafe Glibc.unlink($0)) },
        close: { _ = Glibc.close($0) }
    )

    private static func result<Number: SignedInteger>(_ value: Number) -> Number {
        value == -1 ? -Number(errno) : value
    }
}

/// What the system refused.
struct FileFailure: Error, Hashable, Sendable, CustomStringConvertible {
    var doing: String
    var code: Int32

    var description: String {
        let text = unsafe strerror(self.code).map { unsafe String(cString: $0) } ?? "error \(self.code)"
        return "\(self.doing): \(text)"
    }
}
