import Glibc
import RefreshCore

extension ConfigurationEnvironment {
    /// The real one: this machine's files, users and credentials.
    ///
    /// A `check` by root believes the service's user too, for that is whom the daemon will run as.
    static var host: ConfigurationEnvironment {
        let service = geteuid() == 0 ? HostNames.user("refreshd") : nil
        return ConfigurationEnvironment(
            trustedOwners: Set([0, geteuid(), service].compactMap { $0 }),
            readFile: { path throws(FileFault) in
                let file = try OpenFile(path)
                return (file.facts, unsafe try file.read(atMost: Configuration.Limits.fileSize) { unsafe Array($0) })
            },
            listFolder: { path throws(FileFault) in try HostNames.entries(of: path) },
            readSecret: { reference throws(FileFault) in
                let path: String
                switch reference {
                case .file(let named): path = named
                case .credential(let name):
                    guard let folder = unsafe getenv("CREDENTIALS_DIRECTORY").map({ unsafe String(cString: $0) }),
                        !folder.isEmpty
                    else { throw .noCredentials }
                    path = "\(folder)/\(name)"
                }
                let file = try OpenFile(path)
                return (file.facts, unsafe try file.read(atMost: Configuration.Limits.secretSize) { unsafe Secret($0) })
            },
            userNumber: { HostNames.user($0) },
            groupNumber: { HostNames.group($0) }
        )
    }
}

/// A file held open, so that what is read is what was looked at.
private struct OpenFile: ~Copyable {
    let facts: FileFacts
    private let descriptor: Int32

    init(_ path: String) throws(FileFault) {
        // Non-blocking: a pipe without a writer would hold the start up for ever.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw errno == ENOENT || errno == ENOTDIR ? .absent : .unreadable }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            close(descriptor)
            throw .unreadable
        }
        self.descriptor = descriptor
        self.facts = FileFacts(
            isRegular: status.st_mode & S_IFMT == S_IFREG,
            owner: status.st_uid,
            permissions: status.st_mode & 0o777
        )
    }

    deinit { close(self.descriptor) }

    /// Hands the bytes over, once, and wipes them: they may be a secret.
    ///
    /// Of what is no regular file there are none.
    func read<Value>(
        atMost limit: Int,
        _ use: (UnsafeRawBufferPointer) -> Value
    ) throws(FileFault) -> Value {
        guard self.facts.isRegular else { return unsafe use(UnsafeRawBufferPointer(start: nil, count: 0)) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limit + 1, alignment: 1)
        defer {
            if let start = buffer.baseAddress { unsafe explicit_bzero(start, limit + 1) }
            unsafe buffer.deallocate()
        }
        var count = 0
        while count < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
            let got = unsafe Glibc.read(self.descriptor, rest.baseAddress, rest.count)
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .unreadable }
            if got == 0 { break }
            count += got
        }
        guard count <= limit else { throw .tooLarge }
        return unsafe use(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
}

/// Names of this machine.
private enum HostNames {
    static func entries(of path: String) throws(FileFault) -> [String] {
        guard let folder = unsafe opendir(path) else { throw errno == ENOENT ? .absent : .unreadable }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            names.append(name)
        }
        return names
    }

    static func user(_ name: String) -> UInt32? {
        var record = unsafe passwd()
        return unsafe Self.withBuffer { buffer, size in
            var found: UnsafeMutablePointer<passwd>?
            let code = unsafe getpwnam_r(name, &record, buffer, size, &found)
            return unsafe (code, found?.pointee.pw_uid)
        }
    }

    static func group(_ name: String) -> UInt32? {
        var record = unsafe Glibc.group()
        return unsafe Self.withBuffer { buffer, size in
            var found: UnsafeMutablePointer<Glibc.group>?
            let code = unsafe getgrnam_r(name, &record, buffer, size, &found)
            return unsafe (code, found?.pointee.gr_gid)
        }
    }

    /// Asks with a larger buffer for as long as the record does not fit: a group may have thousands of members.
    private static func withBuffer(
        _ ask: (UnsafeMutablePointer<CChar>, _ size: Int) -> (code: Int32, number: UInt32?)
    ) -> UInt32? {
        var size = 4_096
        while size <= 4_194_304 {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { unsafe buffer.deallocate() }
            let answer = unsafe ask(buffer, size)
            guard answer.code == ERANGE else { return answer.code == 0 ? answer.number : nil }
            size *= 4
        }
        return nil
    }
}
