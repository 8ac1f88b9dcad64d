import Glibc
import NIOCore

/// Why a call got no answer, one case for each thing a caller can do about it.
package enum VarlinkClientError: Error, Hashable, Sendable {
    /// No connection came about: nothing was sent.
    case unreachable(Obstacle)
    /// The service closed the connection before it answered. Whether it acted on the call is not known.
    case closed
    /// No answer in time. The connection is closed, for a late answer would be taken for the next call's.
    case timedOut
    /// The service answered with an error.
    case refused(VarlinkError)
    /// The service does not speak the protocol, or says too much at once. The connection is closed.
    case malformed(detail: String)

    /// What stands between us and the service.
    package enum Obstacle: Hashable, Sendable {
        /// There is no socket at that path.
        case noSocket
        /// There is one, but no process behind it.
        case nobodyListens
        /// The file's mode, or a directory's above it, keeps us out.
        case notPermitted
        case other(detail: String)

        init(_ error: any Error) {
            switch (error as? IOError)?.errnoCode {
            case ENOENT?, ENOTDIR?: self = .noSocket
            case ECONNREFUSED?: self = .nobodyListens
            case EACCES?, EPERM?: self = .notPermitted
            default: self = .other(detail: "\(error)")
            }
        }
    }
}
