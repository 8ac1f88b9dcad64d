import Glibc

/// Where callers find the daemon.
package enum ControlEndpoint: Hashable, Sendable {
    /// A socket of our own.
    ///
    /// - path: At most 107 bytes. The folder exists and nobody else may write to it.
    /// - group: Whose members may connect besides the service's own; nil leaves the process's group.
    case path(String, group: UInt32?)
    /// A socket that the service manager listens on for us; it belongs to the manager.
    case inherited(descriptor: CInt)
}

/// Why the socket cannot be listened on.
///
/// Every text is one sentence for an operator.
package enum ListenError: Error, Hashable, Sendable, CustomStringConvertible {
    case pathTooLong(String)
    /// Something that is no socket is in the way: somebody else put it there, so somebody else removes it.
    case notASocket(String, what: String)
    /// A socket of another user's is in the way.
    case foreign(String, owner: UInt32)
    /// Somebody answers there.
    case inUse(String)
    case failed(String, doing: String, reason: String)

    package var description: String {
        switch self {
        case .pathTooLong(let path): "the socket path \(path) is longer than 107 bytes"
        case .notASocket(let path, let what):
            "\(path) is \(what), not a socket left behind by refreshd; remove it by hand"
        case .foreign(let path, let owner):
            "the socket \(path) belongs to user \(owner), not to refreshd; remove it by hand"
        case .inUse(let path): "another process answers on \(path); is refreshd running already?"
        case .failed(let path, let doing, let reason): "could not \(doing) the socket \(path): \(reason)"
        }
    }
}

/// A bound Unix socket, before anything is accepted on it.
struct ListeningSocket: Sendable {
    /// Which file it is: a path may be taken over by another daemon while this one ends.
    private struct FileIdentity: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64
    }

    let descriptor: CInt
    private let path: String?
    private let identity: FileIdentity?

    init(_ endpoint: ControlEndpoint) throws(ListenError) {
        switch endpoint {
        case .inherited(let descriptor):
            self.descriptor = descriptor
            self.path = nil
            self.identity = nil
        case .path(let path, let group):
            try Self.clear(path)
            self.descriptor = try Self.bind(path, group: group)
            self.path = path
            self.identity = Self.status(of: path).map(Self.identity)
        }
    }

    /// Lets as many wait to be accepted as the kernel allows.
    ///
    /// Called after NIO has taken the socket: it listens anew, for 128, also on a socket of the service manager's; a burst
    /// from one user would turn the others away.
    func widenQueue() { listen(self.descriptor, SOMAXCONN) }

    /// Takes the socket's name away, if it is still ours: who comes now is told that nobody is there.
    ///
    /// Called while the descriptor is open: as long as it is, the number of its file is not given to another. An
    /// inherited socket is left alone: the service manager goes on collecting connections for the next daemon.
    func unlinkOwn() {
        guard let path, let identity, Self.status(of: path).map(Self.identity) == identity else { return }
        unsafe unlink(path)
    }

    // MARK: What stands there already

    /// Removes what a daemon left behind that did not end well, and nothing else (facts T20).
    private static func clear(_ path: String) throws(ListenError) {
        guard let status = self.status(of: path) else { return }
        switch status.st_mode & S_IFMT {
        case S_IFSOCK: break
        case S_IFLNK: throw .notASocket(path, what: "a symbolic link")
        case S_IFREG: throw .notASocket(path, what: "a regular file")
        case S_IFDIR: throw .notASocket(path, what: "a folder")
        default: throw .notASocket(path, what: "a special file")
        }
        guard status.st_uid == geteuid() else { throw .foreign(path, owner: status.st_uid) }
        guard try self.isDead(path) else { throw .inUse(path) }
        guard unsafe unlink(path) == 0 || errno == ENOENT else { throw self.failure(path, "remove") }
    }

    private static func isDead(_ path: String) throws(ListenError) -> Bool {
        let probe = Self.unixSocket()
        guard probe >= 0 else { throw self.failure(path, "examine") }
        defer { close(probe) }
        guard try unsafe self.withAddress(path, { unsafe connect(probe, $0, $1) }) != 0 else { return false }
        switch errno {
        case ECONNREFUSED: return true
        // Its queue is full: busy, but alive.
        case EAGAIN, EINPROGRESS: return false
        default: throw self.failure(path, "examine")
        }
    }

    private static func status(of path: String) -> stat? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status : nil
    }

    private static func identity(_ status: stat) -> FileIdentity {
        FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    // MARK: Our own

    private static func bind(_ path: String, group: UInt32?) throws(ListenError) -> CInt {
        let descriptor = Self.unixSocket()
        guard descriptor >= 0 else { throw self.failure(path, "make") }
        do throws(ListenError) {
            guard try unsafe self.withAddress(path, { unsafe Glibc.bind(descriptor, $0, $1) }) == 0 else {
                throw self.failure(path, "bind")
            }
            // Between bind and listen nobody can connect, so there is no moment with the wrong mode. The umask would do
            // it in one step, for every thread of the process.
            if let group {
                guard unsafe lchown(path, uid_t.max, group) == 0 else { throw self.failure(path, "give its group to") }
            }
            guard unsafe chmod(path, 0o660) == 0 else { throw self.failure(path, "set the mode of") }
            guard listen(descriptor, SOMAXCONN) == 0 else { throw self.failure(path, "listen on") }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func withAddress(
        _ path: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) throws(ListenError) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let fits = unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
            guard bytes.count < room.count else { return false }
            unsafe room.copyBytes(from: bytes)
            return true
        }
        guard fits else { throw .pathTooLong(path) }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func unixSocket() -> CInt {
        let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        return socket(AF_UNIX, CInt(type), 0)
    }

    private static func failure(_ path: String, _ doing: String) -> ListenError {
        .failed(path, doing: doing, reason: unsafe String(cString: strerror(errno)))
    }
}
