import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import RefreshCore

extension EndpointError.Reason {
    /// The reason behind an error of the layers below, by its type alone.
    ///
    /// Their texts are left behind: some hold the address, and some a header's value.
    ///
    /// - Parameters:
    ///   - error: Whatever was thrown.
    ///   - isConnected: Whether a connection had taken the head of the request. The same socket error is `connect`
    ///     before and `closed` after.
    init(_ error: any Error, isConnected: Bool) {
        let other: Self = isConnected ? .closed : .connect
        switch error {
        case AnswerFault.oversize:
            self = .oversize
        case AnswerFault.malformed:
            self = .malformed
        case is CancellationError, is Release.GivenUp:
            self = .held
        case let error as HTTPClientError:
            // What is left is the library's refusal to send the request at all.
            self = Self.of(error) ?? (isConnected ? .closed : .held)
        case let error as NIOConnectionError:
            self = Self.of(error)
        case let error as HTTPParserError:
            switch error {
            case .invalidEOFState: self = .closed
            case .headerOverflow: self = .oversize
            default: self = .malformed
            }
        case NIOSSLError.uncleanShutdown where isConnected:
            self = .closed
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            self = .tls
        case ChannelError.connectTimeout:
            self = .timeout
        default:
            self = other
        }
    }

    private static func of(_ error: HTTPClientError) -> Self? {
        switch error {
        case .connectTimeout, .getConnectionFromPoolTimeout, .deadlineExceeded, .readTimeout, .writeTimeout,
            .tlsHandshakeTimeout:
            .timeout
        case .remoteConnectionClosed, .uncleanShutdown, .requestStreamCancelled:
            .closed
        case .alreadyShutdown, .cancelled:
            .held
        default:
            nil
        }
    }

    private static func of(_ error: NIOConnectionError) -> Self {
        let failures = error.connectionErrors.map(\.error)
        if failures.isEmpty { return error.dnsAError == nil && error.dnsAAAAError == nil ? .connect : .resolve }
        let isTimeout = failures.allSatisfy { failure in
            if case ChannelError.connectTimeout = failure { true } else { false }
        }
        return isTimeout ? .timeout : .connect
    }
}
