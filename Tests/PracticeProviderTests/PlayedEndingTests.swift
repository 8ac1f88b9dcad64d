import PracticeProvider
import Testing

/// The ways out are played as strictly as the providers' documents have them.
@Suite(.serialized, .timeLimit(.minutes(1))) struct PlayedEndingTests {
    /// How one provider is told that a grant is over; `REFRESH` and `ACCESS` stand for the grant's tokens.
    struct Ending: Sendable, CustomStringConvertible {
        var provider: PlayedProvider
        var method = "POST"
        var path: String
        var headers: [String: String] = ["Content-Type": "application/x-www-form-urlencoded"]
        var body: String = ""
        var hasSecret = true
        /// What the second time is answered with, when the grant is over.
        var again = 400

        var description: String { self.provider.rawValue }

        static let all = [
            Ending(
                provider: .box,
                path: "/oauth2/revoke",
                body: "token=REFRESH&client_id=demo&client_secret=s3"
            ),
            Ending(provider: .gdrive, path: "/revoke", body: "token=REFRESH"),
            Ending(
                provider: .dropbox,
                path: "/2/auth/token/revoke",
                headers: ["Content-Type": "application/json", "Authorization": "Bearer ACCESS"],
                body: "null",
                again: 401
            ),
            Ending(
                provider: .facebook,
                method: "DELETE",
                path: "/v25.0/me/permissions",
                headers: ["Authorization": "Bearer ACCESS"]
            ),
            Ending(
                provider: .vkid,
                path: "/oauth2/revoke",
                body: "access_token=ACCESS&client_id=demo",
                hasSecret: false,
                again: 200
            ),
        ]
    }

    private static func visit(
        _ ending: Ending,
        grants: Int = 1,
        _ body: (Visitor, [IssuedGrant]) async throws -> Void
    ) async throws {
        try await Visitor.visit(.plain) { visitor in
            let secret = ending.hasSecret ? "s3" : nil
            let method: AuthenticationMethod = ending.hasSecret ? .post : .none
            visitor.server.addClient(PracticeClient(id: "demo", secret: secret, method: method))
            let order = GrantOrder(
                client: "demo",
                count: grants,
                grantsPerUser: grants,
                terms: ending.provider.terms
            )
            try await body(visitor, try visitor.server.addGrants(order))
        }
    }

    private static func send(
        _ visitor: Visitor,
        _ ending: Ending,
        _ grant: IssuedGrant,
        path: String? = nil,
        changing: (String) -> String = { $0 }
    ) async throws -> Visitor.Reply {
        func filled(_ text: String) -> String {
            changing(text).replacing("REFRESH", with: grant.refreshToken).replacing("ACCESS", with: grant.accessToken)
        }
        return try await visitor.send(
            ending.method,
            "/play/\(ending.provider.rawValue)\(path ?? ending.path)",
            headers: ending.headers.map { ($0.key, filled($0.value)) },
            body: ending.body.isEmpty ? nil : filled(ending.body)
        )
    }

    @Test(arguments: Ending.all) func `a grant is ended in the provider's own way`(_ ending: Ending) async throws {
        try await Self.visit(ending) { visitor, grants in
            let good = try await Self.send(visitor, ending, grants[0])
            #expect(good.status == 200 && good.error == nil)
            #expect(try visitor.server.record(of: grants[0].account).revokedBy == "client")
            let again = try await Self.send(visitor, ending, grants[0])
            #expect(again.status == ending.again && (again.status != 200 || again.error == "invalid_token"))
            #expect(visitor.server.summary().clientRefusals == 0)
        }
    }

    @Test(arguments: Ending.all) func `what is nearly right ends nothing`(_ ending: Ending) async throws {
        try await Self.visit(ending) { visitor, grants in
            let unknown = try await Self.send(visitor, ending, grants[0]) {
                $0.replacing("ACCESS", with: "x").replacing("REFRESH", with: "x")
            }
            #expect(unknown.status >= 400 || unknown.error != nil)
            let bent = try await Self.send(visitor, ending, grants[0], path: ending.path + "/")
            #expect(bent.status == 404)
            var bodied = ending
            bodied.body += "&frill=1"
            bodied.headers["Content-Type"] = "application/x-www-form-urlencoded"
            let frilled = try await Self.send(visitor, bodied, grants[0])
            #expect(frilled.status >= 400 || frilled.error == "invalid_request")
            #expect(visitor.server.summary().clientRefusals == 2)
            #expect(try visitor.server.record(of: grants[0].account).revokedBy == nil)
        }
    }

    @Test(arguments: [(PlayedProvider.gdrive, true), (.facebook, true), (.box, false), (.dropbox, false)])
    func `a consent ends as a whole where it is one`(_ provider: PlayedProvider, _ endsAll: Bool) async throws {
        let ending = try #require(Ending.all.first { $0.provider == provider })
        try await Self.visit(ending, grants: 2) { visitor, grants in
            _ = try await Self.send(visitor, ending, grants[0])
            #expect(try visitor.server.record(of: grants[1].account).revoked == endsAll)
        }
    }

    @Test(arguments: Ending.all.filter { [.dropbox, .facebook, .vkid].contains($0.provider) })
    func `an access token that has ended ends no grant`(_ ending: Ending) async throws {
        try await Self.visit(ending) { visitor, grants in
            visitor.server.clock.advance(by: .seconds(10_000_000))
            let late = try await Self.send(visitor, ending, grants[0])
            #expect(late.status >= 400 || late.error == "invalid_token")
            #expect(try visitor.server.record(of: grants[0].account).revokedBy == nil)
        }
    }

    @Test(arguments: [PlayedProvider.huddle, .instagram, .onedrive, .onedriveLive, .smartfile, .ellipsis])
    func `where no way out is documented there is none`(_ provider: PlayedProvider) async throws {
        try await Visitor.visit(.plain) { visitor in
            for path in ["/oauth2/revoke", "/revoke", "/oauth2/revoke_token/"] {
                let reply = try await visitor.token("token=x", path: "/play/\(provider.rawValue)\(path)")
                #expect(reply.status == 404)
            }
        }
    }
}
