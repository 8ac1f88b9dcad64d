import Glibc

/// Keeps a second daemon out, and tells it who is in.
///
/// A file of its own beside the store, locked for the open file description: SQLite's own locks belong to the process,
/// and closing any other descriptor of the store would drop them (facts, section 4). The file stays when the lock goes,
/// for to remove it would let two hold "the" lock on two files.
final class StoreLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock and writes this process's id into the file.
    ///
    /// - Throws: `StoreOpeningError.heldByDaemon` when another has it.
    init(store path: String) throws(StoreOpeningError) {
        let file = unsafe open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw StoreFile.error(for: errno, at: path + ".lock") }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let holder = Self.processID(in: file)
            close(file)
            guard code == EWOULDBLOCK else { throw StoreFile.error(for: code, at: path + ".lock") }
            throw .heldByDaemon(path, process: holder)
        }
        let text = Array("\(getpid())\n".utf8)
        // Only a courtesy to whoever is refused: the lock holds without it, on a full disk too.
        if ftruncate(file, 0) == 0 { _ = unsafe pwrite(file, text, text.count, 0) }
        self.descriptor = file
    }

    deinit { close(self.descriptor) }

    private static func processID(in file: Int32) -> Int32? {
        var text = [UInt8](repeating: 0, count: 16)
        let count = unsafe pread(file, &text, text.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: text.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }
}
