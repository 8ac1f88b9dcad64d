import AsyncHTTPClient
package import NIOCore
import NIOSSL
package import RefreshCore
import Synchronization

/// Makes the HTTP clients behind token endpoints, and ends them.
///
/// Every client speaks HTTP/1.1 over TLS 1.2 or newer with full verification, follows no redirect, keeps no cookie,
/// decompresses nothing, repeats nothing, and is seen by no tracer, for that would be given addresses. Neither a proxy
/// nor a root store is taken from the environment: the library looks for neither (facts T5, E18).
package final class ClientFactory: Sendable {
    /// A new connection is closed if it is not used within this time; for single use it has then never been used.
    private static let idleBeforeFirstUse = TimeAmount.seconds(1)
    /// Shorter than the keep-alive of common servers, so that we are the first to close.
    private static let idleBetweenUses = TimeAmount.seconds(15)

    private struct State {
        var endpoints: [ClientOptions: HTTPTokenEndpoint] = [:]
        var clients: [HTTPClient] = []
        var isShutDown = false
    }

    private let group: any EventLoopGroup
    private let clock: any WallClock
    private let connectTimeout: Duration
    private let state = Mutex(State())

    /// - Parameters:
    ///   - group: Where connections live; outlives the factory.
    ///   - clock: Measures how long answers take.
    ///   - connectTimeout: For name resolution, connection and TLS together (facts E03).
    package init(group: any EventLoopGroup, clock: any WallClock, connectTimeout: Duration = .seconds(10)) {
        self.group = group
        self.clock = clock
        self.connectTimeout = connectTimeout
    }

    /// The endpoint for some options; the same one for the same options.
    ///
    /// The file of private roots is read when its options are first seen. Whoever has replaced it makes a new factory.
    package func endpoint(for options: ClientOptions) throws(ClientFactoryError) -> HTTPTokenEndpoint {
        if let known = self.state.withLock({ $0.endpoints[options] }) { return known }
        let roots = try Self.certificates(at: options.caFile)
        let endpoint: HTTPTokenEndpoint? = self.state.withLock { state in
            guard !state.isShutDown else { return nil }
            if let known = state.endpoints[options] { return known }
            let endpoint = HTTPTokenEndpoint(
                singleUse: self.client(roots: roots, isSingleUse: true),
                pooled: self.client(roots: roots, isSingleUse: false),
                insecureLoopback: options.insecureLoopback,
                connectTimeout: self.connectTimeout,
                clock: self.clock
            )
            state.endpoints[options] = endpoint
            state.clients += [endpoint.singleUse, endpoint.pooled]
            return endpoint
        }
        guard let endpoint else { throw .shutDown }
        return endpoint
    }

    /// Closes all connections.
    ///
    /// Called once, when the last `send` has returned: those under way would be cut off.
    package func shutdown() async {
        let clients = self.state.withLock { state in
            state.isShutDown = true
            defer { state.clients = [] }
            return state.clients
        }
        for client in clients {
            // Throws if it was shut down before or connections were busy; either way they are closed.
            try? await client.shutdown()
        }
    }

    private func client(roots: [NIOSSLCertificate], isSingleUse: Bool) -> HTTPClient {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.certificateVerification = .fullVerification
        tls.additionalTrustRoots = roots.isEmpty ? [] : [.certificates(roots)]

        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: .nanoseconds(self.connectTimeout.milliseconds * 1_000_000)),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        configuration.tracing.tracer = nil
        configuration.http1_1ConnectionDebugInitializer = AnswerLimits.install(in:)

        // Lanes bound what is under way; a second bound below would only make requests wait unseen. And a failed
        // connection is for the lane to try again, which knows how long the provider wants to be left alone.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1_024
        configuration.connectionPool.retryConnectionEstablishment = false
        if isSingleUse {
            // A server that closes an idle connection just as we use it would turn a refresh into `unknown` (facts E08).
            configuration.maximumUsesPerConnection = 1
            configuration.connectionPool.idleTimeout = Self.idleBeforeFirstUse
        } else {
            configuration.connectionPool.idleTimeout = Self.idleBetweenUses
        }
        return HTTPClient(eventLoopGroup: self.group, configuration: configuration)
    }

    private static func certificates(at path: String?) throws(ClientFactoryError) -> [NIOSSLCertificate] {
        guard let path else { return [] }
        guard let certificates = try? NIOSSLCertificate.fromPEMFile(path), !certificates.isEmpty else {
            throw .noCertificate(path: path)
        }
        return certificates
    }
}
