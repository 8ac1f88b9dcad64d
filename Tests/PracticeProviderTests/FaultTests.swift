import NIOCore
import PracticeProvider
import Testing

@Suite struct FaultTests {
    @Test func `a drop after commit commits and gives no answer`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .s))
            try visitor.server.script(.dropAfterCommit)
            await #expect(throws: (any Error).self) { try await visitor.redeem(grant.refreshToken) }
            await visitor.server.settled()
            let record = try visitor.server.record(of: "demo/alice")
            #expect(record.generation == 2)
            #expect(record.undelivered == [2])
            #expect(record.lastDeliveredGeneration == 1)
            #expect(record.answersDelivered == 0)
            #expect(!visitor.server.isGood(refreshToken: grant.refreshToken))
            #expect(try await visitor.redeem(grant.refreshToken).error == "invalid_grant")
        }
    }

    @Test(arguments: [Fault.dropBeforeBody, .dropBeforeCommit])
    func `a drop before the commit leaves everything as it was`(fault: Fault) async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .s))
            try visitor.server.script(fault)
            await #expect(throws: (any Error).self) { try await visitor.redeem(grant.refreshToken) }
            #expect(try visitor.server.record(of: "demo/alice").generation == 1)
            #expect(try await visitor.redeem(grant.refreshToken).status == 200)
            await visitor.server.settled()
            let record = try visitor.server.record(of: "demo/alice")
            #expect(record.undelivered.isEmpty)
            #expect(record.lastDeliveredGeneration == 2)
            #expect(record.answersDelivered == 1)
        }
    }

    @Test(arguments: [false, true], [0, 10, 1_000_000])
    func `a truncated answer is seen as one and not entered as delivered`(plainHTTP: Bool, bytes: Int) async throws {
        try await Visitor.visit(PracticeServer.Options(plainHTTP: plainHTTP)) { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            try visitor.server.script(.truncate(after: bytes))
            await #expect(throws: (any Error).self) { try await visitor.redeem(grant.refreshToken) }
            await visitor.server.settled()
            #expect(try visitor.server.record(of: "demo/alice").undelivered == [2])
        }
    }

    @Test func `an oversize answer runs into the client's limit`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            try visitor.server.script(.oversize(bytes: 2_000_000), .oversize(bytes: 100_000))
            await #expect(throws: NIOTooManyBytesError.self) {
                try await visitor.redeem(grant.refreshToken, limit: 256 * 1_024)
            }
            let small = try await visitor.redeem(grant.refreshToken)
            #expect(small.body.utf8.count == 100_000)
            #expect(try visitor.server.record(of: "demo/alice").generation == 1)
        }
    }

    @Test func `a slow answer arrives whole and is entered as delivered`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            try visitor.server.script(.slow(pause: .zero))
            #expect(try await visitor.redeem(grant.refreshToken).status == 200)
            // The entry follows the last byte; the next request on the connection follows the entry.
            #expect(try await visitor.send("GET", "/practice/summary").status == 200)
            #expect(try visitor.server.record(of: "demo/alice").answersDelivered == 1)
        }
    }

    @Test func `scripted answers come as written, in their order, and then the real one`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            try visitor.server.script(.retryAfter(7).times(2), .html(502), .redirect(to: "https://127.0.0.1:1/"))
            try visitor.server.script(.json("{\"access_token\":12"), .oauthError("invalid_client", status: 401))
            for _ in 0..<2 {
                let limited = try await visitor.redeem(grant.refreshToken)
                #expect(limited.status == 429)
                #expect(limited.headers["Retry-After"] == "7")
            }
            let page = try await visitor.redeem(grant.refreshToken)
            #expect(page.status == 502)
            #expect(page.headers["Content-Type"] == "text/html")
            #expect(try await visitor.redeem(grant.refreshToken).headers["Location"] == "https://127.0.0.1:1/")
            #expect(try await visitor.redeem(grant.refreshToken).body == "{\"access_token\":12")
            #expect(try await visitor.redeem(grant.refreshToken).error == "invalid_client")
            #expect(try visitor.server.record(of: "demo/alice").generation == 1)
            #expect(try await visitor.redeem(grant.refreshToken).status == 200)
            #expect(visitor.server.summary().faultsDone == 6)
        }
    }

    @Test func `a committed fault does the work and answers something else`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            try visitor.server.script(.status(503).committed())
            #expect(try await visitor.redeem(grant.refreshToken).status == 503)
            await visitor.server.settled()
            let record = try visitor.server.record(of: "demo/alice")
            #expect(record.generation == 2)
            #expect(record.undelivered == [2])
        }
    }

    @Test func `a fault waits for the requests of its scope, narrowest first`() async throws {
        try await Visitor.visit { visitor in
            visitor.server.addClient(PracticeClient(id: "public"))
            let alice = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .n))
            let bob = try visitor.server.addGrant("demo/bob", GrantTerms(rotation: .n))
            try visitor.server.script(.status(500))
            try visitor.server.script(.status(501), on: .tokenClient("demo"))
            try visitor.server.script(.status(502), on: .tokenAccount("demo/alice"))
            try visitor.server.script(.status(503), on: .tokenClient("public"))
            #expect(try await visitor.redeem(bob.refreshToken).status == 501)
            #expect(try await visitor.redeem(alice.refreshToken).status == 502)
            #expect(try await visitor.redeem(alice.refreshToken).status == 500)
            #expect(try await visitor.redeem(alice.refreshToken).status == 200)
            #expect(visitor.server.summary().faultsWaiting == 1)
        }
    }

    @Test func `a fault that is forever lasts until the faults are cleared`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            try visitor.server.script(.status(503).times(Fault.forever))
            for _ in 0..<5 { #expect(try await visitor.redeem(grant.refreshToken).status == 503) }
            visitor.server.clearFaults()
            #expect(try await visitor.redeem(grant.refreshToken).status == 200)
        }
    }

    @Test func `two redeems of one token at the same time are seen, and one of them is a double redeem`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .s))
            try visitor.server.script(.heldBeforeCommit.times(2))
            async let one = visitor.redeem(grant.refreshToken)
            async let two = visitor.redeem(grant.refreshToken)
            await visitor.server.heldArrived(2)
            visitor.server.release()
            #expect(try await [one, two].map(\.status).sorted() == [200, 400])
            let record = try visitor.server.record(of: "demo/alice")
            #expect(record.maximumInFlight == 2)
            #expect(record.doubleRedeems == 1)
        }
    }

    @Test func `a held answer is committed, and lost when the line is cut`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .s))
            try visitor.server.script(.held)
            async let answer = visitor.redeem(grant.refreshToken)
            await visitor.server.heldArrived()
            #expect(try visitor.server.record(of: "demo/alice").generation == 2)
            visitor.server.dropConnections()
            do {
                _ = try await answer
                Issue.record("an answer came")
            } catch {}
            visitor.server.release()
            await visitor.server.settled()
            #expect(try visitor.server.record(of: "demo/alice").undelivered == [2])
        }
    }

    @Test func `faults that a scope cannot do are refused`() async throws {
        try await Visitor.visit { visitor in
            #expect(throws: PracticeError.self) {
                try visitor.server.script(.dropBeforeBody, on: .tokenAccount("demo/alice"))
            }
            #expect(throws: PracticeError.self) { try visitor.server.script(.status(99)) }
            #expect(visitor.server.summary().faultsWaiting == 0)
        }
    }
}
