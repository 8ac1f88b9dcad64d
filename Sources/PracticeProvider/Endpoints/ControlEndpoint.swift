import FoundationEssentials

/// The judge's side over HTTP, under `/practice/`.
///
/// Open to whoever reaches the port: the server is on loopback and its secrets are worth nothing.
struct ControlEndpoint: Sendable {
    static let bodyLimit = 1_024 * 1_024

    let judge: Judge

    func answer(method: String, path: String, query: String, body: Data) async -> Answer {
        await self.judge.state.settle()
        do {
            switch (method, path.dropFirst("/practice/".count)) {
            case ("POST", "clients"):
                self.judge.addClient(try Self.decode(PracticeClient.self, body))
            case ("POST", "grants"):
                let order = try Self.decode(GrantRequest.self, body).order
                return Self.lines(try self.judge.addGrants(order).map(\.importLine))
            case ("POST", "faults"):
                let request = try Self.decode(FaultRequest.self, body)
                try self.judge.script(request.faults, on: try request.scope())
            case ("DELETE", "faults"):
                self.judge.clearFaults()
            case ("POST", "revoke"):
                try self.revoke(try Self.decode(RevokeRequest.self, body))
            case ("POST", "consents"):
                let request = try Self.decode(ConsentRequest.self, body)
                self.judge.state.ledger { ledger, _ in request.apply(to: &ledger.consents.habits) }
            case ("POST", "device"):
                let request = try Self.decode(DecisionRequest.self, body)
                try self.judge.decide(
                    userCode: request.userCode,
                    request.approve ? .approved(user: request.user ?? "user") : .denied
                )
            case ("POST", "release"):
                self.judge.state.turnstile.release()
            case ("POST", "drop"):
                self.judge.state.connections.cutAll()
            case ("POST", "clock"):
                self.judge.state.clock.advance(by: .seconds(try Self.decode(ClockRequest.self, body).advance))
            case ("GET", "grant"):
                guard let account = (try? FormParameters(query))?["account"] else {
                    throw PracticeError.badOrder("?account=CLIENT/SUBJECT is missing")
                }
                return .json(try Self.encode(try self.judge.record(of: account)))
            case ("GET", "grants"):
                return Self.lines(try self.judge.records().map { try Self.encode($0) })
            case ("GET", "summary"):
                return .json(try Self.encode(self.judge.summary()))
            case ("GET", "deliveries"):
                return .json(try Self.encode(self.judge.deliveries()))
            default:
                return .notFound
            }
            return .empty
        } catch {
            let words = (error as? PracticeError)?.description ?? Self.words(for: error)
            return .json("{\"error\":\(JSONText.quoted(words))}", status: 400)
        }
    }

    private func revoke(_ request: RevokeRequest) throws {
        if let account = request.account {
            try self.judge.revoke(account: account)
        } else if let client = request.client, let user = request.user {
            try self.judge.revoke(client: client, user: user)
        } else {
            throw PracticeError.badOrder("account, or client and user, is missing")
        }
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ body: Data) throws -> Value {
        try JSONDecoder().decode(type, from: body)
    }

    private static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static func lines(_ lines: [String]) -> Answer {
        Answer(
            status: 200,
            headers: ["Content-Type": "application/jsonl"],
            body: lines.map { $0 + "\n" }.joined()
        )
    }

    /// Names the member that is wrong, which is what its writer wants to know.
    private static func words(for error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _):
            "“\(key.stringValue)” is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "“\(context.codingPath.map(\.stringValue).joined(separator: "."))” has the wrong type"
        case DecodingError.dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "not JSON" : "“\(context.codingPath.map(\.stringValue).joined(separator: "."))” has no such value"
        default:
            "the request cannot be read"
        }
    }
}

/// `POST /practice/grants`; everything but the client has a default.
private struct GrantRequest: Decodable {
    var order: GrantOrder

    private enum CodingKeys: String, CodingKey {
        case client, count, prefix, rotation, blast, grace, lifetime, notice, scope, provider
        case grantsPerUser = "grants_per_user"
        case killsAccessToken = "kills_access_token"
        case repeatsAnswer = "repeats_answer"
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        var order = GrantOrder(client: try values.decode(String.self, forKey: .client))
        func read<Value: Decodable>(_ key: CodingKeys, into place: inout Value) throws {
            if let value = try values.decodeIfPresent(Value.self, forKey: key) { place = value }
        }
        if let provider = try values.decodeIfPresent(PlayedProvider.self, forKey: .provider) {
            order.terms = provider.terms
        }
        try read(.count, into: &order.count)
        try read(.prefix, into: &order.prefix)
        try read(.grantsPerUser, into: &order.grantsPerUser)
        try read(.rotation, into: &order.terms.rotation)
        try read(.blast, into: &order.terms.blast)
        try read(.killsAccessToken, into: &order.terms.killsAccessToken)
        try read(.grace, into: &order.terms.grace)
        try read(.repeatsAnswer, into: &order.terms.repeatsAnswer)
        try read(.lifetime, into: &order.terms.lifetime)
        try read(.notice, into: &order.terms.notice)
        // null is a wish too: no scope in the answers.
        if values.contains(.scope) { order.terms.scope = try values.decode(String?.self, forKey: .scope) }
        self.order = order
    }
}

/// `POST /practice/faults`.
private struct FaultRequest: Decodable {
    var endpoint: String
    var client: String?
    var account: String?
    var storageKey: String?
    var faults: [Fault]

    private enum CodingKeys: String, CodingKey {
        case endpoint, client, account, faults
        case storageKey = "storage_key"
    }

    func scope() throws(PracticeError) -> FaultScope {
        switch (self.endpoint, self.client, self.account, self.storageKey) {
        case ("token", nil, nil, nil): return .token
        case ("token", let client?, nil, nil): return .tokenClient(client)
        case ("token", nil, let account?, nil): return .tokenAccount(account)
        case ("set_keys", nil, nil, nil): return .setKeys
        case ("set_keys", nil, let account?, nil): return .setKeysAccount(account)
        case ("set_keys", nil, nil, let storageKey?): return .setKeysStorage(storageKey)
        case ("userinfo", nil, nil, nil): return .userinfo
        case ("revoke", nil, nil, nil): return .revoke
        default:
            throw .badOrder(
                "endpoint is token (and client or account), set_keys (and account or storage_key), userinfo or revoke"
            )
        }
    }
}

/// `POST /practice/revoke`.
private struct RevokeRequest: Decodable {
    var account: String?
    var client: String?
    var user: String?
}

/// `POST /practice/clock`.
private struct ClockRequest: Decodable {
    /// Seconds.
    var advance: Double
}
