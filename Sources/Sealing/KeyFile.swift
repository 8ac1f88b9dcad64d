import Crypto
import FoundationEssentials
import Glibc

/// The file that holds a master key.
package enum KeyFile {
    /// No key in any form is longer; what is, is not read.
    private static let longest = 4_096

    /// Reads a key.
    ///
    /// Its permissions are not looked at: the service manager's credentials carry access lists, under which the group
    /// bits do not say who may read.
    ///
    /// - Throws: `KeyFileError`, which names the path.
    package static func read(_ path: String) throws(KeyFileError) -> MasterKey {
        // Non-blocking, for a pipe without a writer would hold the start up.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            let code = errno
            throw KeyFileError(code == ENOENT ? .absent : .unreadable(Self.words(for: code)), path: path)
        }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw KeyFileError(.notAFile, path: path)
        }
        var bytes = [UInt8](repeating: 0, count: Self.longest)
        let count = unsafe Glibc.read(file, &bytes, Self.longest)
        guard count >= 0 else { throw KeyFileError(.unreadable(Self.words(for: errno)), path: path) }
        guard count < Self.longest else { throw KeyFileError(.long(Int(status.st_size)), path: path) }
        do {
            return try MasterKey(file: Array(bytes.prefix(count)))
        } catch {
            throw KeyFileError(error.problem, path: path)
        }
    }

    /// Makes a fresh key and writes it, 32 raw bytes with mode 0600.
    ///
    /// The file appears complete and durable or not at all: it is written and synced under another name, then linked,
    /// which never replaces an existing one.
    ///
    /// - Throws: `KeyFileError.Problem.exists` when there is something at the path; `.unwritable` otherwise.
    package static func make(_ path: String) throws(KeyFileError) -> MasterKey {
        let key = MasterKey.random()
        let draft = "\(path).\(getpid()).new"
        do throws(Errno) {
            try Self.write(key.revealBytes(), to: draft)
            defer { unsafe unlink(draft) }
            guard unsafe link(draft, path) == 0 else { throw Errno(errno) }
            try Self.sync(folderOf: path)
        } catch {
            throw KeyFileError(error.code == EEXIST ? .exists : .unwritable(Self.words(for: error.code)), path: path)
        }
        return key
    }

    private struct Errno: Error {
        var code: Int32
        init(_ code: Int32) { self.code = code }
    }

    private static func write(_ bytes: [UInt8], to path: String) throws(Errno) {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Errno(errno) }
        defer { close(file) }
        guard unsafe Glibc.write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0 else {
            let code = errno
            unsafe unlink(path)
            throw Errno(code)
        }
    }

    private static func sync(folderOf path: String) throws(Errno) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let folder = parts.count == 1 ? "." : parts.dropLast().joined(separator: "/") + "/"
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Errno(errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Errno(errno) }
    }

    private static func words(for code: Int32) -> String {
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}

extension MasterKey {
    /// Reads what a key file holds: 32 bytes, or 64 hexadecimal digits, or 44 characters of base64.
    ///
    /// One newline at the end is no part of it, whichever form it has, for editors and `echo` leave one. 32 bytes are
    /// a key even if the last of them is a newline.
    ///
    /// - Throws: `KeyFileError` without a path.
    package init(file bytes: [UInt8]) throws(KeyFileError) {
        let endsInNewline = bytes.count != Self.count && bytes.last == UInt8(ascii: "\n")
        let body = endsInNewline ? Array(bytes.dropLast()) : bytes
        guard !body.isEmpty else { throw KeyFileError(.empty) }
        if body.count == Self.count {
            self.init(SymmetricKey(data: body))
        } else if let key = Self.fromHexadecimal(body) ?? Self.fromBase64(body) {
            self.init(key)
        } else {
            throw KeyFileError(body.count < Self.count ? .short(body.count) : .long(body.count))
        }
    }

    private static func fromHexadecimal(_ text: [UInt8]) -> SymmetricKey? {
        guard text.count == Self.count * 2 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: text.count, by: 2) {
            guard let high = Self.digit(text[index]), let low = Self.digit(text[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return SymmetricKey(data: bytes)
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func fromBase64(_ text: [UInt8]) -> SymmetricKey? {
        guard text.count == 44, let bytes = Data(base64Encoded: Data(text)), bytes.count == Self.count else {
            return nil
        }
        return SymmetricKey(data: bytes)
    }
}
