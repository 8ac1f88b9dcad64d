import Glibc

/// Whether journald would take an entry at once, so that nobody waits for one that has stopped (facts I12).
///
/// libsystemd sends by a socket of its own that blocks while journald's queue is full. A second socket with the same far
/// end shows beforehand whether it is; of two threads that look at once, one may still wait for a moment.
final class JournalRoom: Sendable {
    static let shared = JournalRoom(path: "/run/systemd/journal/socket")

    /// Below zero where there is no journald.
    private let descriptor: CInt

    init(path: String) {
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if descriptor >= 0, Self.connect(descriptor, to: path) {
            self.descriptor = descriptor
        } else {
            if descriptor >= 0 { close(descriptor) }
            self.descriptor = -1
        }
    }

    private static func connect(_ descriptor: CInt, to path: String) -> Bool {
        var address = sockaddr_un()
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0
    }

    deinit { if self.descriptor >= 0 { close(self.descriptor) } }

    /// False only while journald is there and does not read.
    var isThere: Bool {
        guard self.descriptor >= 0 else { return true }
        var look = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&look, 1, 0) != 0
    }
}
