import PracticeProvider
import Testing

@Suite struct SetKeysTests {
    @Test(arguments: [
        ("public_key=p&access_token=TOKEN&token_type=Bearer", 200),
        ("public_key=p&access_token=TOKEN&token_type=bearer&refresh_token=REFRESH", 200),
        ("token_type=Bearer&access_token=TOKEN&public_key=%70", 200),
        ("", 400),
        ("access_token=TOKEN&token_type=Bearer", 400),
        ("public_key=&access_token=TOKEN&token_type=Bearer", 400),
        ("public_key=p&token_type=Bearer", 400),
        ("public_key=p&access_token=TOKEN", 400),
        ("public_key=p&access_token=TOKEN&token_type=mac", 400),
        ("public_key=p&access_token=TOKEN&token_type=Bearer&refresh_token=", 400),
        ("public_key=p&access_token=TOKEN&token_type=Bearer&refresh_token=canary-rt-other", 400),
        ("public_key=p&access_token=TOKEN&token_type=Bearer&extra=1", 400),
        ("public_key=p&access_token=TOKEN&token_type=Bearer&Access_Token=TOKEN", 400),
        ("public_key=p&access_token=TOKEN&access_token=TOKEN&token_type=Bearer", 400),
        ("public_key=p&public_key=p&access_token=TOKEN&token_type=Bearer", 400),
        ("public_key=p&access_token=TOKEN&token_type=Bearer&", 400),
        ("public_key=p&access_token=canary-at-0-0-unknown&token_type=Bearer", 400),
        ("public_key=%ff&access_token=TOKEN&token_type=Bearer", 400),
    ])
    func `set_keys takes exactly the known parameters, each once`(query: String, status: Int) async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            let filled = query.split(separator: "TOKEN", omittingEmptySubsequences: false)
                .joined(separator: grant.accessToken)
                .split(separator: "REFRESH", omittingEmptySubsequences: false)
                .joined(separator: grant.refreshToken)
            let reply = try await visitor.send("GET", "/gdrive/set_keys?\(filled)")
            #expect(reply.status == status)
            #expect(reply.members["obj_type"] == .string(status == 200 ? "keys" : "error"))
            let summary = visitor.server.summary()
            #expect(summary.sinkAccepted == (status == 200 ? 1 : 0))
            #expect(summary.sinkRefused == (status == 200 ? 0 : 1))
        }
    }

    @Test func `acceptances are noted in order, and an older generation after a newer one is told`() async throws {
        try await Visitor.visit { visitor in
            let terms = GrantTerms(rotation: .s, killsAccessToken: true)
            let grant = try visitor.server.addGrant("demo/alice", terms)
            let second = try await visitor.redeem(grant.refreshToken)
            let third = try await visitor.redeem(try #require(second.refreshToken))
            func deliver(_ token: String?, to storage: String) async throws -> Int {
                let query = "public_key=p&access_token=\(try #require(token))&token_type=Bearer"
                return try await visitor.send("GET", "/\(storage)/set_keys?\(query)").status
            }
            #expect(try await deliver(second.accessToken, to: "gdrive") == 200)
            #expect(try await deliver(third.accessToken, to: "gdrive") == 200)
            #expect(try await deliver(third.accessToken, to: "gdrive") == 200)
            #expect(try await deliver(grant.accessToken, to: "dropbox") == 200)
            var record = try visitor.server.record(of: "demo/alice")
            #expect(record.sinkGenerations == [2, 3, 3, 1])
            #expect(record.sinkOutOfOrder == 0, "another storage key is another line")
            #expect(try await deliver(second.accessToken, to: "gdrive") == 200)
            record = try visitor.server.record(of: "demo/alice")
            #expect(record.sinkOutOfOrder == 1)
            #expect(record.sinkLastGeneration == 2)

            let gdrive = try #require(visitor.server.deliveries().last)
            #expect(gdrive.storageKey == "gdrive")
            #expect(gdrive.entries.map(\.generation) == [2, 3, 3, 2])
            #expect(gdrive.entries.allSatisfy { $0.account == "demo/alice" })
            #expect(gdrive.repeats == 1)
            #expect(gdrive.outOfOrder == 1)
            #expect(gdrive.deadOnArrival == 2, "generation 2 was killed by the refresh")
            #expect(visitor.server.summary().sinkBehind == 1)
        }
    }

    @Test func `unknown access tokens are taken where that is wished`() async throws {
        try await Visitor.visit(PracticeServer.Options(acceptsUnknownAccessTokens: true)) { visitor in
            let query = "public_key=p&access_token=canary-unknown&token_type=Bearer"
            let reply = try await visitor.send("GET", "/my-app/set_keys?\(query)")
            #expect(reply.status == 200)
            #expect(visitor.server.deliveries().first?.entries.first?.account == nil)
        }
    }

    @Test func `method and path are checked`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            let query = "public_key=p&access_token=\(grant.accessToken)&token_type=Bearer"
            #expect(try await visitor.send("POST", "/gdrive/set_keys?\(query)").status == 405)
            #expect(try await visitor.send("GET", "/gdrive/set_keys/?\(query)").status == 404)
            #expect(try await visitor.send("GET", "/g.drive/set_keys?\(query)").status == 404)
            #expect(try await visitor.send("GET", "/a/gdrive/set_keys?\(query)").status == 404)
            #expect(visitor.server.summary().sinkAccepted == 0)
        }
    }

    @Test func `scripted faults reach the sink`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            let target = "/gdrive/set_keys?public_key=p&access_token=\(grant.accessToken)&token_type=Bearer"
            try visitor.server.script(.status(503), on: .setKeys)
            try visitor.server.script(.json("{\"obj_type\":\"error\"}"), on: .setKeysStorage("gdrive"))
            try visitor.server.script(.dropAfterCommit, on: .setKeysAccount("demo/alice"))
            await #expect(throws: (any Error).self) { try await visitor.send("GET", target) }
            #expect(visitor.server.summary().sinkAccepted == 1)
            #expect(try await visitor.send("GET", target).members["obj_type"] == .string("error"))
            #expect(try await visitor.send("GET", target).status == 503)
            #expect(visitor.server.summary().sinkAccepted == 1)
            #expect(try await visitor.send("GET", target).status == 200)
        }
    }
}
