import PracticeProvider
import Testing

@Suite struct TokenEndpointTests {
    @Test func `a proper request is answered as RFC 6749 5.1 asks`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(lifetime: 30, scope: "a b"))
            let reply = try await visitor.redeem(grant.refreshToken)
            #expect(reply.status == 200)
            #expect(reply.headers["Cache-Control"] == "no-store")
            #expect(reply.headers["Pragma"] == "no-cache")
            #expect(reply.headers["Content-Type"] == "application/json")
            #expect(reply.members["token_type"] == .string("Bearer"))
            #expect(reply.members["expires_in"] == .number(30))
            #expect(reply.members["scope"] == .string("a b"))
            #expect(try #require(reply.accessToken).hasPrefix("canary-"))
            #expect(try #require(reply.refreshToken).hasPrefix("canary-"))
            #expect(reply.accessToken != grant.accessToken)
        }
    }

    @Test(
        arguments: [
            ("", 400, "invalid_request"),
            ("grant_type=refresh_token", 400, "invalid_request"),
            ("grant_type=refresh_token&refresh_token=", 400, "invalid_request"),
            ("refresh_token=TOKEN", 400, "invalid_request"),
            ("grant_type=password&username=x", 400, "unsupported_grant_type"),
            ("grant_type=authorization_code&code=x", 400, "invalid_grant"),
            ("grant_type=refresh_token&grant_type=refresh_token&refresh_token=TOKEN", 400, "invalid_request"),
            ("grant_type=refresh_token&refresh_token=TOKEN&refresh_token=TOKEN", 400, "invalid_request"),
            ("grant_type=refresh_token&refresh_token=TOKEN&x=%zz", 400, "invalid_request"),
            ("grant_type=refresh_token&refresh_token=TOKEN&scope=more", 400, "invalid_scope"),
            ("grant_type=refresh_token&refresh_token=canary-rt-0-0-unknown", 400, "invalid_grant"),
            ("grant_type=refresh_token&refresh_token=TOKENx", 400, "invalid_grant"),
            ("grant_type=refresh_token&refresh_token=TOKEN&client_secret=s3", 400, "invalid_request"),
            ("grant_type=refresh_token&refresh_token=TOKEN&client_id=other", 400, "invalid_request"),
            ("grant_type=refresh_token&refresh_token=TOKEN&unknown=1", 200, nil),
            ("grant_type=refresh_token&refresh_token=TOKEN&client_id=demo&scope=files.read", 200, nil),
        ] as [(String, Int, String?)]
    )
    func `a form is judged by RFC 6749`(form: String, status: Int, error: String?) async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            let reply = try await visitor.token(
                form.split(separator: "TOKEN", omittingEmptySubsequences: false).joined(separator: grant.refreshToken)
            )
            #expect(reply.status == status)
            #expect(reply.error == error)
            #expect(visitor.server.isGood(refreshToken: grant.refreshToken) == (status != 200), "refused is not spent")
        }
    }

    @Test func `method, content type and place of the parameters are checked`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            let form = "grant_type=refresh_token&refresh_token=\(grant.refreshToken)"
            let get = try await visitor.send("GET", "/oauth2/token?\(form)")
            #expect(get.status == 405)
            #expect(get.headers["Allow"] == "POST")
            #expect(try await visitor.token(form, contentType: nil).error == "invalid_request")
            #expect(try await visitor.token(form, contentType: "application/json").error == "invalid_request")
            #expect(try await visitor.token(form, path: "/oauth2/token?\(form)").error == "invalid_request")
            #expect(visitor.server.isGood(refreshToken: grant.refreshToken))
            let type = "application/x-www-form-urlencoded; charset=UTF-8"
            #expect(try await visitor.token(form, contentType: type, path: "/oauth2/token/").status == 200)
        }
    }

    @Test func `a client that uses Basic wrongly is told so by 401 and the scheme`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            let form = "grant_type=refresh_token&refresh_token=\(grant.refreshToken)"
            for wrong in [Visitor.basic("demo", "s4"), Visitor.basic("nobody", "s3"), "Basic ???", "Bearer s3"] {
                let reply = try await visitor.token(form, authorization: wrong)
                #expect(reply.status == 401)
                #expect(reply.error == "invalid_client")
                #expect(reply.headers["WWW-Authenticate"]?.hasPrefix("Basic ") == true)
            }
            let posted = try await visitor.token(form + "&client_id=demo&client_secret=s3", authorization: nil)
            #expect(posted.status == 401, "registered for Basic")
            #expect(posted.headers["WWW-Authenticate"] == nil)
            #expect(try await visitor.token(form, authorization: nil).status == 401)
            #expect(try visitor.server.record(of: "demo/alice").generation == 1)
            #expect(visitor.server.summary().clientRefusals == 6)
        }
    }

    @Test func `Basic credentials are form-encoded before they are joined`() async throws {
        try await Visitor.visit { visitor in
            visitor.server.addClient(PracticeClient(id: "a b:c", secret: "p%+ä"))
            let grant = try visitor.server.addGrant("a b:c/alice")
            let form = "grant_type=refresh_token&refresh_token=\(grant.refreshToken)"
            let raw = try await visitor.token(form, authorization: Visitor.basic("a b:c", "p%+ä"))
            #expect(raw.error == "invalid_client")
            let encoded = try await visitor.token(form, authorization: Visitor.basic("a+b%3Ac", "p%25%2B%C3%A4"))
            #expect(encoded.status == 200)
        }
    }

    @Test func `each method of authentication works for the client that is registered for it`() async throws {
        try await Visitor.visit { visitor in
            visitor.server.addClient(PracticeClient(id: "posting", secret: "s4", method: .post))
            visitor.server.addClient(PracticeClient(id: "public"))
            let posting = try visitor.server.addGrant("posting/alice", GrantTerms(rotation: .n))
            let open = try visitor.server.addGrant("public/alice", GrantTerms(rotation: .n))
            func send(_ token: String, _ more: String, _ authorization: String? = nil) async throws -> Int {
                let form = "grant_type=refresh_token&refresh_token=\(token)\(more)"
                return try await visitor.token(form, authorization: authorization).status
            }
            #expect(try await send(posting.refreshToken, "&client_id=posting&client_secret=s4") == 200)
            #expect(try await send(posting.refreshToken, "&client_id=posting&client_secret=s5") == 401)
            #expect(try await send(posting.refreshToken, "&client_id=posting") == 401)
            #expect(try await send(posting.refreshToken, "", Visitor.basic("posting", "s4")) == 401)
            #expect(try await send(open.refreshToken, "&client_id=public") == 200)
            #expect(try await send(open.refreshToken, "&client_id=public&client_secret=s") == 401)
            #expect(try await send(open.refreshToken, "", Visitor.basic("demo", "s3")) == 400, "another client's token")
        }
    }

    @Test func `introspection spends nothing and revocation ends the grant`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .c))
            let asked = try await visitor.token("token=\(grant.refreshToken)", path: "/oauth2/introspect")
            #expect(asked.members["active"] == .bool(true))
            #expect(visitor.server.isGood(refreshToken: grant.refreshToken))
            let foreign = try await visitor.token(
                "token=\(grant.refreshToken)",
                authorization: nil,
                path: "/oauth2/revoke"
            )
            #expect(foreign.status == 401)
            for hint in ["access_token", "token", ""] {
                let hinted = "token=\(grant.refreshToken)&token_type_hint=\(hint)"
                let reply = try await visitor.token(hinted, path: "/oauth2/revoke")
                #expect(reply.status == (hint.isEmpty ? 200 : 400))
                guard !hint.isEmpty else { continue }
                #expect(try visitor.server.record(of: "demo/alice").revokedBy == nil)
            }
            #expect(try await visitor.token("token=\(grant.refreshToken)", path: "/oauth2/revoke").status == 200)
            #expect(try visitor.server.record(of: "demo/alice").revokedBy == "client")
            let after = try await visitor.token("token=\(grant.accessToken)", path: "/oauth2/introspect")
            #expect(after.members["active"] == .bool(false))
            #expect(try await visitor.token("token=canary-unknown", path: "/oauth2/revoke").status == 200)
        }
    }
}
