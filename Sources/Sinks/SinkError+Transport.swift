import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import RefreshCore

extension SinkError {
    /// What an error of the layers below means, by its type alone; its text is left behind.
    init(transport error: any Error) {
        let (cause, message): (Cause, String) =
            switch error {
            case let error as HTTPClientError where Self.timeouts.contains(error):
                (.timeout, "no answer came in time")
            case let error as HTTPParserError where error != .invalidEOFState:
                (.malformedAnswer, "the answer broke the rules of HTTP")
            case NIOSSLError.uncleanShutdown:
                (.network, "the connection failed")
            case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
                (.tls, "the TLS handshake failed")
            case ChannelError.connectTimeout:
                (.timeout, "no connection could be made in time")
            case is CancellationError:
                (.network, "the call was cut short")
            default:
                (.network, "the connection failed")
            }
        self = .unavailable(cause, message: message, retryAfter: nil)
    }

    private static let timeouts: [HTTPClientError] = [
        .connectTimeout, .getConnectionFromPoolTimeout, .deadlineExceeded, .readTimeout, .writeTimeout,
        .tlsHandshakeTimeout,
    ]
}
