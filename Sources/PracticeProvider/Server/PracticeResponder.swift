import FoundationEssentials
import Hummingbird
import NIOCore
import Synchronization

/// What Hummingbird hands on for each request beside the request itself: the connection.
struct ConnectionContext: InitializableFromSource {
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        self.channel = source.channel
    }
}

/// Finds the endpoint, the fault that waits for the request, and has it performed.
struct PracticeResponder: HTTPResponder {
    typealias Context = ConnectionContext

    /// The most that is read of a body.
    ///
    /// A refresh token may have 64 KiB, each byte percent-encoded.
    private static let bodyLimit = 256 * 1_024

    let state: PracticeState
    let control: ControlEndpoint

    func respond(to request: Request, context: ConnectionContext) async throws -> Response {
        let target = request.head.path ?? "/"
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let (path, query) = (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
        let performance = Performance(state: self.state, channel: context.channel)
        switch path {
        case "/oauth2/token", "/oauth2/token/":
            return try await self.token(request, query: query, performance: performance)
        case "/oauth2/revoke", "/oauth2/introspect":
            guard request.method == .post else { return performance.whole(.methodNotAllowed("POST")) }
            let form = try await self.read(request, query: query)
            let fault = path == "/oauth2/revoke" ? self.state.contents.withLock { $0.faults.next(for: [.revoke]) } : nil
            return try await performance.perform(fault) { ledger, now in
                path == "/oauth2/revoke" ? ledger.revocation(form) : ledger.introspection(form, at: now)
            }
        case "/oauth2/authorize", "/oauth2/authorize/":
            guard request.method == .get else { return performance.whole(.methodNotAllowed("GET")) }
            return try await performance.perform(nil) { $0.authorize(query: query, at: $1) }
        case "/oauth2/device":
            guard request.method == .post else { return performance.whole(.methodNotAllowed("POST")) }
            let form = try await self.read(request, query: query)
            return try await performance.perform(nil) { $0.deviceAuthorization(form, at: $1) }
        case "/.well-known/oauth-authorization-server":
            return try await performance.perform(nil) { ledger, _ in ledger.metadata() }
        case "/userinfo":
            guard request.method == .get else { return performance.whole(.methodNotAllowed("GET")) }
            let authorization = request.headers[values: .authorization]
            let fault = self.state.contents.withLock { $0.faults.next(for: [.userinfo]) }
            return try await performance.perform(fault) { $0.userinfo(authorization: authorization, at: $1) }
        default:
            if let storageKey = Self.storageKey(path) {
                return try await self.setKeys(request, storageKey: storageKey, query: query, performance: performance)
            }
            if path.hasPrefix("/play/") {
                return try await self.play(request, path: path, query: query, performance: performance)
            }
            guard path.hasPrefix("/practice/") else { return performance.whole(.notFound) }
            let body = try await request.body.collect(upTo: ControlEndpoint.bodyLimit)
            return performance.whole(
                await self.control.answer(
                    method: request.method.rawValue,
                    path: path,
                    query: query,
                    body: Data(body.readableBytesView)
                )
            )
        }
    }

    private func token(_ request: Request, query: String, performance: Performance) async throws -> Response {
        guard request.method == .post else { return performance.whole(.methodNotAllowed("POST")) }
        if self.state.contents.withLock({ $0.faults.nextDropBeforeBody() }) {
            return try await performance.perform(.dropBeforeBody) { _, _ in .notFound }
        }
        let request = try await self.read(request, query: query)
        let form = request.looseForm
        let claim = form.flatMap { try? ClientClaim(authorization: request.authorization, form: $0) }
        let (fault, grant) = self.state.contents.withLock { contents in
            contents.ledger.tally.tokenRequests += 1
            let grant = form?["refresh_token"].flatMap { contents.ledger.redeemBegan(refreshToken: $0) }
            var scopes: [FaultScope] = []
            if let grant { scopes.append(.tokenAccount(contents.ledger.grants[grant].account)) }
            if let claim { scopes.append(.tokenClient(claim.id)) }
            return (contents.faults.next(for: scopes + [.token]), grant)
        }
        return try await performance.perform(fault, redeem: Redeem(grant: grant, state: self.state)) { ledger, now in
            ledger.token(request, at: now)
        }
    }

    private func setKeys(
        _ request: Request,
        storageKey: String,
        query: String,
        performance: Performance
    ) async throws -> Response {
        guard request.method == .get else { return performance.whole(.methodNotAllowed("GET")) }
        let accessToken = (try? FormParameters(query))?["access_token"]
        let fault = self.state.contents.withLock { contents in
            var scopes: [FaultScope] = []
            if let place = accessToken.flatMap({ contents.ledger.find(accessToken: $0) })?.grant {
                scopes.append(.setKeysAccount(contents.ledger.grants[place].account))
            }
            return contents.faults.next(for: scopes + [.setKeysStorage(storageKey), .setKeys])
        }
        let acceptsUnknown = self.state.acceptsUnknownAccessTokens
        return try await performance.perform(fault) { ledger, now in
            ledger.setKeys(storageKey: storageKey, query: query, acceptsUnknown: acceptsUnknown, at: now)
        }
    }

    func read(_ request: Request, query: String) async throws -> TokenRequest {
        let body = try await request.body.collect(upTo: Self.bodyLimit)
        return TokenRequest(
            authorization: request.headers[values: .authorization],
            contentType: request.headers[values: .contentType],
            query: query,
            body: String(validating: body.readableBytesView, as: UTF8.self)
        )
    }

    /// The storage key of `/{storage_key}/set_keys`.
    private static func storageKey(_ path: String) -> String? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty, parts[2] == "set_keys" else { return nil }
        let key = parts[1]
        guard (1...64).contains(key.utf8.count) else { return nil }
        let isPlain = key.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isPlain ? String(key) : nil
    }
}
