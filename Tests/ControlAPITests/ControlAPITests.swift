import ControlAPI
import Testing
import Varlink

/// The Swift types against the `.varlink` text, which is what others build on.
@Suite struct ControlAPITests {
    let interface: InterfaceDescription

    init() throws {
        self.interface = try InterfaceDescription(parsing: ControlInterface.text)
    }

    @Test func `the definition is well-formed and every declaration is documented`() {
        #expect(self.interface.name == ControlInterface.name)
        #expect(self.interface.declarations.filter { $0.documentation.isEmpty }.map(\.name) == [])
    }

    static let account = Wire.Account(
        account: "gdrive/alice@example.com",
        client: "gdrive",
        profile: "gdrive",
        state: .inDoubt,
        generation: 3,
        scope: ["a", "b"],
        missingScope: ["c"],
        issuedAt: 1,
        expiresAt: 2,
        refreshAt: 3,
        grantExpiresAt: 4,
        failure: failure,
        deliveries: [
            Wire.Delivery(sink: "s", storageKey: "k", state: .handoff, generation: 1, at: 2, failure: failure)
        ]
    )
    static let failure = Wire.Failure(cause: "timeout", message: "m", at: 1, retryAt: 2, count: 3)
    static let status = Wire.Status(
        version: "1",
        state: .ready,
        pid: 1,
        startedAt: 2,
        accounts: 3,
        byState: ["fresh": 3],
        dueNextMinute: 1,
        nextRefreshAt: 5,
        deliveriesPending: 0,
        clients: [
            Wire.Client(client: "c", profile: "p", accounts: 1, inFlight: 2, closedUntil: 3, breaker: .halfOpen)
        ]
    )
    static let token = Wire.Token(
        accessToken: "canary-at-1",
        tokenType: "Bearer",
        expiresAt: 9,
        scope: [],
        generation: 1
    )

    /// Each call with every argument, and its answer with every field.
    static let exchanges: [(call: any ControlCall, reply: any Encodable & Sendable)] = [
        (Call.GetToken(account: "a/b", minValid: 60), TokenReply(token: token, warning: "w")),
        (Call.List(client: "a", state: "fresh", after: "a/b", limit: 9), AccountReply(account: account)),
        (Call.Show(account: "a/b"), AccountReply(account: account)),
        (Call.Remove(account: "a/b", revoke: true), EmptyReply()),
        (Call.Refresh(account: "a/b"), AccountReply(account: account)),
        (Call.Deliver(account: "a/b", sink: "s"), AccountReply(account: account)),
        (Call.Pause(account: "a/b"), AccountReply(account: account)),
        (Call.Resume(account: "a/b"), AccountReply(account: account)),
        (Call.Watch(client: "a", account: "a/b"), EventReply(event: Wire.Event(kind: .state, account: account, at: 1))),
        (Call.Explain(account: "a/b"), ExplainReply(lines: ["l"])),
        (Call.Status(), StatusReply(status: status)),
        (Call.Metrics(), MetricsReply(openmetrics: "# EOF\n")),
        (
            Call.Forecast(client: "a", period: 3_600, step: 60),
            ForecastReply(
                at: 1,
                step: 2,
                lanes: [Wire.LaneForecast(clients: ["a"], accounts: 3, waiting: 4, rate: 0.5, refreshes: [6])]
            )
        ),
        (Call.Reload(), EmptyReply()),
        (Call.Backup(path: "/b"), EmptyReply()),
        (Call.Rekey(), RekeyReply(done: 1, left: 2)),
    ]

    @Test func `every call and every answer has exactly the fields of the definition`() throws {
        let put = Call.Put(account: "a/b", token: try TokenAnswer(json: Array("{}".utf8)), issuedAt: 1)
        for (call, reply) in Self.exchanges + [(put, AccountReply(account: Self.account))] {
            let method = type(of: call).method
            let declaration = try #require(self.interface.declarations.first { $0.name == method })
            guard case .method(let input, let output) = declaration.kind else {
                Issue.record("\(method) is no method")
                continue
            }
            let arguments = try #require(try JSONValue(parsing: call.controlJSON()).object)
            #expect(self.interface.invalidArgument(in: arguments, of: method) == nil)
            #expect(Set(arguments.names) == Set(input.map(\.name)), "\(method)")
            self.expect(try JSONValue(parsing: reply.controlJSON()), is: .structure(output), method)
        }
    }

    /// Like the check of arguments, but a field that is left out counts as missing: the values above have them all.
    private func expect(_ value: JSONValue, is type: InterfaceDescription.TypeExpression, _ path: String) {
        switch type {
        case .structure(let fields):
            let object = value.object ?? [:]
            #expect(Set(object.names) == Set(fields.map(\.name)), "\(path)")
            for field in fields { self.expect(object[field.name] ?? .null, is: field.type, "\(path).\(field.name)") }
        case .named(let name):
            guard case .type(let type)? = self.interface.declarations.first(where: { $0.name == name })?.kind else {
                Issue.record("no type \(name)")
                return
            }
            self.expect(value, is: type, path)
        case .optional(let type): self.expect(value, is: type, path)
        case .array(let type):
            for element in value.array ?? [] { self.expect(element, is: type, path) }
            #expect(value.array != nil, "\(path)")
        case .map(let type):
            for member in value.object?.members ?? [] { self.expect(member.value, is: type, path) }
        case .enumeration(let words): #expect(words.contains(value.string ?? ""), "\(path)")
        case .string: #expect(value.string != nil, "\(path)")
        case .int: #expect(value.int != nil, "\(path)")
        case .bool: #expect(value.bool != nil, "\(path)")
        case .float, .object: break
        }
    }

    @Test(arguments: [
        ("Account", "state", Wire.AccountState.allCases.map(\.rawValue)),
        ("Delivery", "state", Wire.DeliveryState.allCases.map(\.rawValue)),
        ("Event", "kind", Wire.EventKind.allCases.map(\.rawValue)),
        ("Client", "breaker", Wire.BreakerState.allCases.map(\.rawValue)),
        ("DaemonStatus", "state", Wire.DaemonState.allCases.map(\.rawValue)),
    ])
    func `every enumeration has the words of the definition in their order`(
        type: String,
        field: String,
        words: [String]
    ) {
        let declaration = self.interface.declarations.first { $0.name == type }
        guard case .type(.structure(let fields))? = declaration?.kind else {
            Issue.record("no structure \(type)")
            return
        }
        #expect(fields.first { $0.name == field }?.type == .enumeration(words))
    }

    static let errors: [ControlError] = [
        .notAllowed, .accountNotFound(account: "a/b"), .clientNotFound(client: "a"),
        .needsAuthorization(account: "a/b", cause: "revoked"),
        .tokenUnavailable(account: "a/b", cause: "network", retryAt: 7), .conflict(account: "a/b"),
        .removalFailed(account: "a/b", cause: "network", message: "not revoked"),
        .authorizationFailed(error: "access_denied", description: "no"), .notReady(state: "loading"),
        .reloadFailed(message: "no"),
        .backupFailed(message: "no"),
        .rekeyFailed(message: "no"),
    ]

    @Test func `every error of the definition exists, with its fields`() throws {
        var declared: [String: Set<String>] = [:]
        for declaration in self.interface.declarations {
            if case .error(let fields) = declaration.kind { declared[declaration.name] = Set(fields.map(\.name)) }
        }
        var ours: [String: Set<String>] = [:]
        for error in Self.errors {
            ours[error.shortName] = Set(try JSONValue(parsing: error.parameters()).object?.names.map(\.self) ?? [])
        }
        #expect(ours == declared)
    }

    @Test(arguments: errors)
    func `an error is read back as it was written`(error: ControlError) throws {
        #expect(ControlError(name: error.name, parameters: try error.parameters()) == error)
    }

    @Test func `an error of another interface, or without its fields, is none of ours`() {
        #expect(ControlError(name: "org.varlink.service.NotAllowed", parameters: Array("{}".utf8)) == nil)
        #expect(ControlError(name: "org.refreshd.Control.Conflict", parameters: Array("{}".utf8)) == nil)
        #expect(ControlError(name: "org.refreshd.Control.Other", parameters: Array("{}".utf8)) == nil)
    }

    @Test func `optional arguments may be null or absent, and absent ones are not written`() throws {
        let call = Call.GetToken(account: "a/b")
        #expect(try Call.GetToken(parameters: Array(#"{"account":"a/b","min_valid":null}"#.utf8)) == call)
        #expect(try Call.GetToken(parameters: Array(#"{"account":"a/b"}"#.utf8)) == call)
        #expect(try call.controlJSON() == Array(#"{"account":"a/b"}"#.utf8))
    }

    @Test(arguments: [
        ("{}", "account"), (#"{"account":1}"#, "account"), (#"{"account":null}"#, "account"),
        (#"{"account":"a/b","min_valid":"60"}"#, "min_valid"),
        ("[", ""),
    ])
    func `the argument that does not fit is named`(text: String, name: String) {
        #expect(throws: InvalidParameter(name: name)) { try Call.GetToken(parameters: Array(text.utf8)) }
    }

    @Test func `a token endpoint's answer goes through unchanged and prints as nothing`() throws {
        let text = #"{"access_token":"canary-at-1","id":18446744073709551615,"list":[1,null,true,-1.5],"o":{"é":"/"}}"#
        let call = Call.Put(account: "a/b", token: try TokenAnswer(json: Array(text.utf8)))
        let written = try call.controlJSON()
        #expect(String(decoding: written, as: UTF8.self) == #"{"account":"a/b","token":\#(text)}"#)
        #expect(try Call.Put(parameters: written).token.json == Array(text.utf8))
        #expect(!"\(call) \(String(reflecting: call))".contains("canary"))
        var dumped = ""
        dump(call, to: &dumped)
        #expect(!dumped.contains("canary"))
    }

    @Test(arguments: ["", "[]", "1", "{"])
    func `a token that is no object is refused`(text: String) {
        #expect(throws: InvalidParameter(name: "token")) { try TokenAnswer(json: Array(text.utf8)) }
    }
}
