/// Why there is no answer, split by the one thing that matters: whether the server may have acted.
package enum EndpointError: Error, Hashable, Sendable {
    /// It is certain that the server did not act: the last byte of the request never left.
    case notSent(Reason)
    /// The last byte left and no complete answer came: nobody here knows.
    case unknown(Reason)

    package enum Reason: String, Hashable, Sendable {
        case resolve
        case connect
        case tls
        case timeout
        /// The connection ended.
        case closed
        /// The answer was larger than allowed.
        case oversize
        /// The answer broke HTTP's rules, or was encoded in a way that was not asked for.
        case malformed
        /// The request was given up before its last byte, by ourselves.
        case held

        /// What is told of it.
        package var cause: Cause {
            switch self {
            case .resolve, .connect, .closed, .held: .network
            case .tls: .tls
            case .timeout: .timeout
            case .oversize, .malformed: .malformedAnswer
            }
        }

        /// One clause for people.
        package var sentence: String {
            switch self {
            case .resolve: "the host name could not be resolved"
            case .connect: "no connection could be made"
            case .tls: "the TLS handshake failed"
            case .timeout: "no answer came in time"
            case .closed: "the connection was closed"
            case .oversize: "the answer was larger than allowed"
            case .malformed: "the answer broke the rules of HTTP"
            case .held: "the request was held back"
            }
        }
    }

    package var reason: Reason {
        switch self {
        case .notSent(let reason), .unknown(let reason): reason
        }
    }
}
