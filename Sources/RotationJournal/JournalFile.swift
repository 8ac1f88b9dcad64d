import Glibc

/// One open file of the journal; closed when nobody holds it any more.
///
/// After a sync has failed it must not be synced again: the kernel tells of a lost write once and then forgets it, so that a
/// second sync "succeeds" (facts, section 4).
final class JournalFile: Sendable {
    let path: String
    private let descriptor: Int32
    private let calls: FileCalls

    private init(path: String, descriptor: Int32, calls: FileCalls) {
        self.path = path
        self.descriptor = descriptor
        self.calls = calls
    }

    deinit { self.calls.close(self.descriptor) }

    /// Opens what is there.
    static func open(_ path: String, calls: FileCalls) throws(FileFailure) -> JournalFile {
        let descriptor = try Self.result("open", calls.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0))
        return JournalFile(path: path, descriptor: descriptor, calls: calls)
    }

    /// Makes a file of so many bytes and writes every one of them, so that none needs a block later.
    ///
    /// Whatever has the name is removed: it is a draft that an earlier attempt left.
    static func make(_ path: String, size: Int, header: [UInt8], calls: FileCalls) throws(FileFailure) -> JournalFile {
        _ = calls.unlink(path)
        let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let descriptor = try Self.result("open", calls.open(path, flags, 0o600))
        let file = JournalFile(path: path, descriptor: descriptor, calls: calls)
        // Real zeros: a file that was only made longer, or only had its space reserved, gets its blocks at the first write.
        let zeros = [UInt8](repeating: 0, count: 1_048_576)
        for position in stride(from: 0, to: size, by: zeros.count) {
            let count = min(zeros.count, size - position)
            try file.write(count == zeros.count ? zeros : Array(zeros.prefix(count)), at: position)
        }
        try file.write(header, at: 0)
        try file.syncAll()
        return file
    }

    /// Writes all of the bytes; what the system takes in parts is given to it in parts.
    func write(_ bytes: [UInt8], at position: Int) throws(FileFailure) {
        var written = 0
        while written < bytes.count {
            let count = self.calls.write(self.descriptor, bytes, written, position + written)
            if count == -Int(EINTR) { continue }
            guard count > 0 else { throw FileFailure(doing: "pwrite", code: count < 0 ? Int32(-count) : EIO) }
            written += count
        }
    }

    /// All of the file.
    func read() throws(FileFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let (count, more) = self.calls.read(self.descriptor, 1_048_576, bytes.count)
            if count == -Int(EINTR) { continue }
            guard count >= 0 else { throw FileFailure(doing: "pread", code: Int32(-count)) }
            guard count > 0 else { return bytes }
            bytes += more
        }
    }

    func syncData() throws(FileFailure) { try Self.result("fdatasync", self.calls.syncData(self.descriptor)) }

    func syncAll() throws(FileFailure) { try Self.result("fsync", self.calls.syncAll(self.descriptor)) }

    @discardableResult
    private static func result(_ doing: String, _ value: Int32) throws(FileFailure) -> Int32 {
        guard value >= 0 else { throw FileFailure(doing: doing, code: -value) }
        return value
    }
}

/// Where a file of the journal stands, or would.
struct JournalPlace: Hashable, Sendable {
    let path: String

    /// Where a file is made, before it gets its name.
    var draft: String { self.path + ".new" }

    var folder: String {
        guard let slash = self.path.lastIndex(of: "/") else { return "." }
        return slash == self.path.startIndex ? "/" : String(self.path[..<slash])
    }

    var name: String {
        self.path.lastIndex(of: "/").map { String(self.path[self.path.index(after: $0)...]) } ?? self.path
    }

    /// The same name in another folder.
    func moved(to folder: String) -> JournalPlace { JournalPlace(path: "\(folder)/\(self.name)") }

    /// Gives the draft its name.
    func adopt(calls: FileCalls) throws(FileFailure) {
        let result = calls.rename(self.draft, self.path)
        guard result >= 0 else { throw FileFailure(doing: "rename", code: -result) }
    }

    /// Makes the folder's names survive the loss of power.
    func syncFolder(calls: FileCalls) throws(FileFailure) {
        let folder = calls.open(self.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard folder >= 0 else { throw FileFailure(doing: "open", code: -folder) }
        defer { calls.close(folder) }
        let result = calls.syncAll(folder)
        guard result >= 0 else { throw FileFailure(doing: "fsync", code: -result) }
    }

    /// What is at the path.
    enum Occupant: Hashable, Sendable {
        case nothing
        /// A file that only its owner can reach.
        case file
        case exposed
        case somethingElse
    }

    func occupant() throws(FileFailure) -> Occupant {
        guard let status = try Self.status(of: self.path) else { return .nothing }
        guard status.st_mode & S_IFMT == S_IFREG else { return .somethingElse }
        return status.st_mode & (S_IRWXG | S_IRWXO) == 0 ? .file : .exposed
    }

    /// Whether the folder is there, and only its owner can put files into it.
    func folderOccupant() throws(FileFailure) -> Occupant {
        guard let status = try Self.status(of: self.folder + "/."), status.st_mode & S_IFMT == S_IFDIR else {
            return .nothing
        }
        return status.st_mode & (S_IWGRP | S_IWOTH) == 0 ? .file : .exposed
    }

    private static func status(of path: String) throws(FileFailure) -> stat? {
        var status = stat()
        if unsafe lstat(path, &status) == 0 { return status }
        let code = errno
        guard code == ENOENT || code == ENOTDIR else { throw FileFailure(doing: "stat", code: code) }
        return nil
    }
}
