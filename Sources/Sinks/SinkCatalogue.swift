import AsyncHTTPClient
import Dispatch
package import NIOCore
import NIOSSL
package import RefreshCore
import Synchronization

/// Makes sinks from their settings, and ends the clients behind them.
package final class SinkCatalogue: Sendable {
    private struct State {
        /// By the file of private roots, the one thing in which clients differ.
        var clients: [String?: HTTPClient] = [:]
        var isShutDown = false
    }

    private let group: any EventLoopGroup
    private let clock: any WallClock
    private let sessions: SetKeysSessions?
    private let state = Mutex(State())
    /// For what blocks: disks, and programs that are waited for.
    private let queue = DispatchQueue(label: "refreshd.sinks", attributes: .concurrent)

    /// - Parameters:
    ///   - group: Where connections live; outlives the catalogue.
    ///   - clock: Measures how long answers take, and knows what a `Retry-After` date means.
    ///   - sessions: Keeps what `set_keys` calls are given to carry; nil has every call be a new visitor's.
    package init(group: any EventLoopGroup, clock: any WallClock, sessions: SetKeysSessions? = nil) {
        self.group = group
        self.clock = clock
        self.sessions = sessions
    }

    /// The sink for some settings.
    ///
    /// A file of private roots is read when it is first named. Whoever has replaced it makes a new catalogue.
    package func sink(for settings: SinkSettings) throws(SinkSettingsError) -> any TokenSink {
        switch settings {
        case .setKeys(let settings):
            try self.setKeysSink(settings)
        case .file(let settings): FileSink(settings: settings, clock: self.clock, queue: self.queue)
        case .command(let settings): CommandSink(settings: settings, clock: self.clock, queue: self.queue)
        }
    }

    private func setKeysSink(_ settings: SetKeysSettings) throws(SinkSettingsError) -> SetKeysSink {
        let client = try self.client(caFile: settings.caFile)
        self.sessions?.learn(settings, client)
        return SetKeysSink(settings: settings, client: client, clock: self.clock, sessions: self.sessions)
    }

    /// Closes all connections.
    ///
    /// Called once, when the last `deliver` has returned: those under way would be cut off.
    package func shutdown() async {
        let clients = self.state.withLock { state in
            state.isShutDown = true
            defer { state.clients = [:] }
            return Array(state.clients.values)
        }
        for client in clients {
            // Throws if connections were busy; they are closed all the same.
            try? await client.shutdown()
        }
    }

    private func client(caFile: String?) throws(SinkSettingsError) -> HTTPClient {
        if let known = self.state.withLock({ $0.clients[caFile] }) { return known }
        let roots = try Self.certificates(at: caFile)
        let client: HTTPClient? = self.state.withLock { state in
            guard !state.isShutDown else { return nil }
            if let known = state.clients[caFile] { return known }
            let client = self.makeClient(roots: roots)
            state.clients[caFile] = client
            return client
        }
        guard let client else { throw .shutDown }
        return client
    }

    /// HTTP/1.1, TLS 1.2 or newer with full verification; no redirects, cookies, decompression, proxy or tracer.
    private func makeClient(roots: [NIOSSLCertificate]) -> HTTPClient {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.certificateVerification = .fullVerification
        tls.additionalTrustRoots = roots.isEmpty ? [] : [.certificates(roots)]

        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(10)),
            decompression: .disabled
        )
        configuration.httpVersion = .http1Only
        configuration.tracing.tracer = nil
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(15)
        return HTTPClient(eventLoopGroup: self.group, configuration: configuration)
    }

    private static func certificates(at path: String?) throws(SinkSettingsError) -> [NIOSSLCertificate] {
        guard let path else { return [] }
        guard let certificates = try? NIOSSLCertificate.fromPEMFile(path), !certificates.isEmpty else {
            throw .noCertificate(path: path)
        }
        return certificates
    }
}
