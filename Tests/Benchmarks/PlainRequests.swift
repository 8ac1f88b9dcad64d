import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Refreshes by hand: the same form to the same server over the same HTTP client, and nothing around it.
///
/// No store, no schedule, nothing is verified but that an access token came: what refreshd does more is the difference.
struct PlainRequests {
    let url: String
    let clientID: String
    let clientSecret: String
    let caFile: String
    /// Whether a connection is used for one request after the other, or for one alone.
    let keepsConnections: Bool

    /// Refreshes in a loop for each token, all loops at once.
    ///
    /// - Parameters:
    ///   - tokens: Refresh tokens; replaced where an answer brings a new one.
    ///   - warmUp: Seconds that are not counted.
    ///   - seconds: How long to count.
    /// - Returns: The refreshes whose answers came within the time.
    /// - Throws: `PlainFailure` for any answer without a token, and the client's own errors.
    func measure(_ tokens: inout [String], warmUp: Double, seconds: Double) async throws -> WorkDone {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let client = HTTPClient(eventLoopGroup: group, configuration: try self.configuration())
        let start = Usage.now + warmUp
        let end = start + seconds
        let before = tokens
        let (done, after) = try await withThrowingTaskGroup(of: (Int, String, Int).self) { loops in
            for (place, token) in before.enumerated() {
                loops.addTask {
                    var token = token
                    var count = 0
                    while Usage.now < end {
                        token = try await self.refresh(token, client)
                        let now = Usage.now
                        if now >= start, now < end { count += 1 }
                    }
                    return (place, token, count)
                }
            }
            try await Task.sleep(for: .seconds(warmUp))
            let processor = Usage.processSeconds
            try await Task.sleep(for: .seconds(max(0, end - Usage.now)))
            var done = WorkDone(count: 0, seconds: seconds, processorSeconds: Usage.processSeconds - processor)
            var after = before
            for try await (place, token, count) in loops {
                after[place] = token
                done.count += count
            }
            return (done, after)
        }
        tokens = after
        try await client.shutdown()
        try await group.shutdownGracefully()
        return done
    }

    private func configuration() throws -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMFile(self.caFile))]
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls, redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1_024
        if !self.keepsConnections { configuration.maximumUsesPerConnection = 1 }
        return configuration
    }

    /// One refresh.
    ///
    /// - Returns: The refresh token for the next one.
    private func refresh(_ token: String, _ client: HTTPClient) async throws -> String {
        var request = HTTPClientRequest(url: self.url)
        request.method = .POST
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
        if !self.keepsConnections { request.headers.add(name: "Connection", value: "close") }
        // Made-up tokens and secrets need no escaping.
        let form =
            "grant_type=refresh_token&refresh_token=\(token)&client_id=\(self.clientID)&client_secret=\(self.clientSecret)"
        request.body = .bytes(ByteBuffer(string: form))
        let response = try await client.execute(request, timeout: .seconds(10))
        let body = Array(try await response.body.collect(upTo: 65_536).readableBytesView)
        guard response.status == .ok, Self.member("access_token", in: body) != nil else { throw PlainFailure() }
        return Self.member("refresh_token", in: body) ?? token
    }

    /// A text member of a JSON object without escapes; enough for the server here, and cheap.
    private static func member(_ name: String, in body: [UInt8]) -> String? {
        let start = Array("\"\(name)\":\"".utf8)
        guard let place = body.indices.first(where: { body[$0...].starts(with: start) }) else { return nil }
        return String(decoding: body[(place + start.count)...].prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
    }
}

struct PlainFailure: Error, CustomStringConvertible {
    var description: String { "the server refused a plain refresh" }
}
