import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import PracticeProvider

/// A client of the practice server that believes nothing: plain HTTP in, bytes out.
struct Visitor: Sendable {
    struct Reply: Sendable {
        var status: Int
        var headers: [String: String]
        var body: String

        /// The members of a JSON object.
        var members: [String: Member] {
            (try? JSONDecoder().decode([String: Member].self, from: Data(self.body.utf8))) ?? [:]
        }

        var accessToken: String? { self.members["access_token"]?.text }
        var refreshToken: String? { self.members["refresh_token"]?.text }
        var error: String? { self.members["error"]?.text }
    }

    /// A JSON string or number; of anything else that it is there.
    enum Member: Decodable, Hashable, Sendable {
        case string(String)
        case number(Double)
        case bool(Bool)
        case other

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let text = try? value.decode(String.self) {
                self = .string(text)
            } else if let truth = try? value.decode(Bool.self) {
                self = .bool(truth)
            } else if let number = try? value.decode(Double.self) {
                self = .number(number)
            } else {
                self = .other
            }
        }

        var text: String? {
            if case .string(let text) = self { text } else { nil }
        }
    }

    let server: PracticeServer
    let http: HTTPClient

    /// Starts a server and visits it.
    ///
    /// The clock stands still, and the client `demo` with the secret `s3` is there.
    static func visit<R>(
        _ options: PracticeServer.Options = PracticeServer.Options(clock: PracticeClock(manual: 1_000_000)),
        _ body: (Visitor) async throws -> R
    ) async throws -> R {
        try await PracticeServer.withServer(options) { server in
            server.addClient(PracticeClient(id: "demo", secret: "s3"))
            let http = HTTPClient(
                eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
                configuration: try configuration(for: server)
            )
            do {
                let result = try await body(Visitor(server: server, http: http))
                try await http.shutdown()
                return result
            } catch {
                try? await http.shutdown()
                throw error
            }
        }
    }

    private static func configuration(for server: PracticeServer) throws -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        guard !server.caCertificatePEM.isEmpty else { return configuration }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(server.caCertificatePEM.utf8)))
        configuration.tlsConfiguration = tls
        return configuration
    }

    func send(
        _ method: String,
        _ target: String,
        headers: [(String, String)] = [],
        body: String? = nil,
        limit: Int = 1_024 * 1_024
    ) async throws -> Reply {
        var request = HTTPClientRequest(url: self.server.url + target)
        request.method = .init(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await self.http.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: limit)
        return Reply(
            status: Int(response.status.code),
            headers: Dictionary(response.headers.map { ($0.name, $0.value) }, uniquingKeysWith: { $0 + ", " + $1 }),
            body: String(buffer: bytes)
        )
    }

    /// A request at the token endpoint.
    func token(
        _ body: String,
        authorization: String? = Visitor.basic("demo", "s3"),
        contentType: String? = "application/x-www-form-urlencoded",
        path: String = "/oauth2/token",
        limit: Int = 1_024 * 1_024
    ) async throws -> Reply {
        var headers: [(String, String)] = []
        if let authorization { headers.append(("Authorization", authorization)) }
        if let contentType { headers.append(("Content-Type", contentType)) }
        return try await self.send("POST", path, headers: headers, body: body, limit: limit)
    }

    func redeem(_ refreshToken: String, limit: Int = 1_024 * 1_024) async throws -> Reply {
        try await self.token("grant_type=refresh_token&refresh_token=\(refreshToken)", limit: limit)
    }

    func userinfo(_ accessToken: String) async throws -> Reply {
        try await self.send("GET", "/userinfo", headers: [("Authorization", "Bearer \(accessToken)")])
    }

    static func basic(_ user: String, _ password: String) -> String {
        "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
    }
}
