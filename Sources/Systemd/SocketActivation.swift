import CSystemd
import Glibc

/// Why a descriptor that the service manager passed cannot be used.
package enum SocketActivationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `LISTEN_FDS` and its kin cannot be understood, or a descriptor they name is not open.
    case malformed(errno: Int32)
    /// Several descriptors carry the name: the socket unit has more than one listening line.
    case ambiguous(name: String, count: Int)
    /// The descriptor is something else: the socket unit does not say `ListenStream=` with a path.
    case notListeningUnixStream(name: String)

    package var description: String {
        switch self {
        case .malformed(let errno):
            "the sockets passed by the service manager cannot be taken over: \(SystemError(errno))"
        case .ambiguous(let name, let count):
            "\(count) sockets named \(name) were passed; the socket unit may have one ListenStream= only"
        case .notListeningUnixStream(let name):
            "the socket named \(name) is no listening Unix stream socket; check ListenStream= in the socket unit"
        }
    }
}

/// The sockets that the service manager opened before it started this process (sd_listen_fds(3)).
///
/// The manager keeps them open while the daemon restarts, so a client that connects in between waits in the
/// socket's backlog and is not refused. The daemon must neither `shutdown` nor unlink them: they are not its own.
package struct SocketActivation: Hashable, Sendable {
    /// One descriptor and the `FileDescriptorName=` of its socket unit.
    package struct Descriptor: Hashable, Sendable {
        package var name: String
        package var number: Int32

        package init(name: String, number: Int32) {
            self.name = name
            self.number = number
        }
    }

    package let descriptors: [Descriptor]

    package init(descriptors: [Descriptor]) {
        self.descriptors = descriptors
    }

    /// Takes over what was passed to this very process; empty when nothing was.
    ///
    /// Each descriptor is close-on-exec afterwards. The variables stay in the environment: removing them would
    /// race with every `getenv` of another thread, and children ignore them since `LISTEN_PID` is not theirs.
    /// Descriptors have one owner: call this once.
    package static func inherited() throws(SocketActivationError) -> SocketActivation {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = unsafe sd_listen_fds_with_names(0, &names)
        guard count >= 0 else { throw .malformed(errno: -count) }
        // Names are allocated by libsystemd, one by one and the array as well.
        defer {
            if let names = unsafe names {
                for index in 0..<Int(count) {
                    unsafe free(names[index])
                }
                unsafe free(names)
            }
        }
        let descriptors = (0..<Int(count)).map { index in
            let name = unsafe names.flatMap { unsafe $0[index] }.map { unsafe String(cString: $0) }
            return Descriptor(name: name ?? "unknown", number: SD_LISTEN_FDS_START + Int32(index))
        }
        return SocketActivation(descriptors: descriptors)
    }

    /// The listening Unix stream socket of that name, or nil if none was passed: then the daemon makes its own.
    ///
    /// Checks the kind of the socket, not its path: the path is the socket unit's business.
    package func listeningUnixSocket(named name: String) throws(SocketActivationError) -> Int32? {
        let matching = self.descriptors.filter { $0.name == name }
        guard let descriptor = matching.first else { return nil }
        guard matching.count == 1 else { throw .ambiguous(name: name, count: matching.count) }
        guard sd_is_socket_unix(descriptor.number, Int32(SOCK_STREAM.rawValue), 1, nil, 0) > 0 else {
            throw .notListeningUnixStream(name: name)
        }
        return descriptor.number
    }
}
