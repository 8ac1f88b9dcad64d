import Glibc

/// The store as a file: what can be known of it before SQLite opens it.
struct StoreFile {
    let path: String

    var log: String { self.path + "-wal" }

    /// Where a new store is made, before it gets its name.
    var draft: StoreFile { StoreFile(path: self.path + ".new") }

    /// Every name that the store and whoever opens it use.
    var names: Set<String> {
        Set(["", "-wal", "-shm", "-journal", ".lock", ".new", ".new-wal", ".new-journal"].map { self.path + $0 })
    }

    var folder: String {
        let parts = self.path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return "." }
        return parts.count == 2 && parts[0].isEmpty ? "/" : parts.dropLast().joined(separator: "/")
    }

    /// "rfsh": says whose database it is, in its header.
    static let applicationID: Int32 = 0x7266_7368

    /// Looks at the folder.
    ///
    /// - Returns: Whether others may see what is in it, which is less than it could be and not wrong.
    /// - Throws: `folderMissing`, `readOnly`, or `exposed` when others could put another file in the store's place.
    func checkFolder() throws(StoreOpeningError) -> Bool {
        guard let status = try Self.status(of: self.folder), status.st_mode & S_IFMT == S_IFDIR else {
            throw .folderMissing(self.folder)
        }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else { throw .exposed(self.folder) }
        guard status.st_mode & S_IWUSR != 0, unsafe access(self.folder, W_OK | X_OK) == 0 else {
            throw .readOnly(self.folder)
        }
        return status.st_mode & (S_IRWXG | S_IRWXO) != 0
    }

    /// Whether there is a store.
    ///
    /// - Throws: `logWithoutStore`.
    func exists() throws(StoreOpeningError) -> Bool {
        if try Self.status(of: self.path) != nil { return true }
        guard try Self.status(of: self.log) == nil else { throw .logWithoutStore(self.path) }
        return false
    }

    /// Looks at an existing file, its permissions and the first 100 bytes of it.
    ///
    /// Must be called while no connection is open in this process: closing the file would drop its locks.
    func check() throws(StoreOpeningError) {
        guard let status = try Self.status(of: self.path), status.st_mode & S_IFMT == S_IFREG else {
            throw .notAStore(self.path)
        }
        for path in [self.path, self.log] {
            guard let status = try Self.status(of: path) else { continue }
            guard status.st_mode & (S_IRWXG | S_IRWXO) == 0 else { throw .exposed(path) }
            // The owner's bit too: to root every file is writable, and whoever took the bit away meant something.
            guard status.st_mode & S_IWUSR != 0, unsafe access(path, W_OK) == 0 else { throw .readOnly(path) }
        }
        let file = unsafe open(self.path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Self.error(for: errno, at: self.path) }
        defer { close(file) }
        var header = [UInt8](repeating: 0, count: 100)
        guard unsafe pread(file, &header, header.count, 0) == header.count,
            header.starts(with: Array("SQLite format 3".utf8)),
            header[68..<72].reduce(0, { $0 << 8 | Int32($1) }) == Self.applicationID
        else { throw .notAStore(self.path) }
    }

    /// Whether there is a log, of any length.
    func hasLog() throws(StoreOpeningError) -> Bool { try Self.status(of: self.log) != nil }

    /// Makes the file, empty and ours alone; SQLite gives the log the same permissions.
    func create() throws(StoreOpeningError) {
        let file = unsafe open(self.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Self.error(for: errno, at: self.path) }
        close(file)
    }

    /// Removes the file and everything SQLite may have put beside it.
    func remove() {
        for path in [self.path, self.log, self.path + "-journal", self.path + "-shm"] { unsafe unlink(path) }
    }

    /// Which files have the names of the store and its log; nil where there is none.
    ///
    /// As long as SQLite has them open, no other file can get their numbers. Told by name and not by descriptor:
    /// closing one of the store would drop the process's locks on it (facts, section 4).
    var inodes: Inodes { Inodes(store: Self.inode(of: self.path), log: Self.inode(of: self.log)) }

    struct Inodes: Hashable, Sendable {
        struct Inode: Hashable, Sendable {
            var device: dev_t
            var number: ino_t
        }

        var store: Inode?
        var log: Inode?
    }

    private static func inode(of path: String) -> Inodes.Inode? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Inodes.Inode(device: status.st_dev, number: status.st_ino)
    }

    func removeLog() { unsafe unlink(self.log) }

    /// Gives the file its name, durably.
    func rename(to other: StoreFile) throws(StoreOpeningError) {
        guard unsafe Glibc.rename(self.path, other.path) == 0 else { throw Self.error(for: errno, at: other.path) }
        try Self.sync(other.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }

    /// Gives the file another name beside its own, durably; never in the place of another file.
    func link(to other: StoreFile) throws(StoreOpeningError) {
        guard unsafe Glibc.link(self.path, other.path) == 0 else { throw Self.error(for: errno, at: other.path) }
        try Self.sync(other.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }

    /// Syncs the file; must be called while no connection has it open in this process.
    func sync() throws(StoreOpeningError) { try Self.sync(self.path, O_RDONLY | O_CLOEXEC) }

    private static func sync(_ path: String, _ flags: Int32) throws(StoreOpeningError) {
        let descriptor = unsafe open(path, flags)
        guard descriptor >= 0 else { throw Self.error(for: errno, at: path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.error(for: errno, at: path) }
    }

    /// The process that has SQLite's lock on the file; nil when nobody has, or it cannot be told.
    ///
    /// Must be called while no connection is open in this process.
    func lockHolder() -> Int32? {
        let file = unsafe open(self.path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var whole = flock()
        whole.l_type = Int16(F_WRLCK)
        whole.l_whence = Int16(SEEK_SET)
        guard unsafe fcntl(file, F_GETLK, &whole) == 0, whole.l_type != Int16(F_UNLCK), whole.l_pid > 0 else {
            return nil
        }
        return whole.l_pid
    }

    static func error(for code: Int32, at path: String) -> StoreOpeningError {
        switch code {
        case EACCES, EROFS, EPERM: .readOnly(path)
        default: .failed(path, detail: Self.words(for: code))
        }
    }

    static func words(for code: Int32) -> String {
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }

    /// - Returns: Nil when there is nothing at the path.
    private static func status(of path: String) throws(StoreOpeningError) -> stat? {
        var status = stat()
        if unsafe stat(path, &status) == 0 { return status }
        let code = errno
        guard code == ENOENT || code == ENOTDIR else { throw Self.error(for: code, at: path) }
        return nil
    }
}
