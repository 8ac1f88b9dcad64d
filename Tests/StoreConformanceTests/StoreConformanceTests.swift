import RefreshCore
import Testing

/// What every store must do, whatever it is made of.
@Suite struct StoreConformanceTests {
    let alice: AccountID
    let bob: AccountID

    init() throws {
        self.alice = try AccountID("box/alice")
        self.bob = try AccountID("box/bob")
    }

    // MARK: Commit

    @Test(arguments: Backend.allCases)
    func `a renewal is the next generation and takes the failure away`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice)
        _ = try await store.commit([Sample.failed(self.alice, from: 1, Sample.failure(1))])
        let outcomes = try await store.commit([Sample.renewed(self.alice, from: 1, Sample.renewal(2))])

        let row = try #require(try await store.shown(self.alice))
        #expect(outcomes == [.committed(Generation(2), row.revision)])
        #expect(row.generation == Generation(2))
        #expect(row.facts == Sample.facts(2))
        #expect(row.sealedToken == Sample.renewal(2).sealedToken)
        #expect(row.standing == .good)
        #expect(row.failure == nil)
        #expect(row.dueAt == Sample.due(2))
        #expect(row.profile == "box")

        let token = try await store.token(for: self.alice)
        #expect(
            token
                == SealedToken(
                    sealed: Sample.renewal(2).sealedToken,
                    facts: Sample.facts(2),
                    generation: Generation(2)
                )
        )
        let grant = try await store.grant(for: self.alice)
        #expect(grant == SealedGrant(sealed: Sample.renewal(2).sealedGrant, generation: Generation(2)))
    }

    @Test(arguments: Backend.allCases)
    func `a failure leaves generation, token and grant alone`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice)
        let before = try #require(try await store.shown(self.alice))
        for number in Cause.allCases.indices {
            let failure = Sample.failure(number)
            let outcomes = try await store.commit([Sample.failed(self.alice, from: 1, failure, .inDoubt)])
            let row = try #require(try await store.shown(self.alice))
            #expect(outcomes == [.committed(.first, row.revision)])
            #expect(row.failure == failure)
            #expect(row.doubt == nil)
            #expect(row.standing == .inDoubt)
            #expect(row.dueAt == Sample.due(3))
            #expect(row.sealedToken == before.sealedToken)
            #expect(row.facts == before.facts)
        }
        #expect(try await store.grant(for: self.alice).sealed == Sample.renewal(1).sealedGrant)
    }

    @Test(arguments: Backend.allCases)
    func `doubt is what the last failure says of it, and a new token or a new grant ends it`(
        backend: Backend
    ) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice)
        #expect(try await store.shown(self.alice)?.doubt == nil)
        for doubt in [Sample.doubt(0), Sample.doubt(1), nil, Sample.doubt(2)] {
            _ = try await store.commit([
                Sample.failed(self.alice, from: 1, Sample.failure(1), .inDoubt, doubt: doubt)
            ])
            #expect(try await store.shown(self.alice)?.doubt == doubt)
        }
        // Neither a stop nor another delivery says anything about the server.
        _ = try await store.edit([.pause(self.alice, true), .deliver(self.alice, [])])
        #expect(try await store.shown(self.alice)?.doubt == Sample.doubt(2))

        _ = try await store.commit([Sample.renewed(self.alice, from: 1, Sample.renewal(2))])
        #expect(try await store.shown(self.alice)?.doubt == nil)
        _ = try await store.commit([
            Sample.failed(self.alice, from: 2, Sample.failure(1), .inDoubt, doubt: Sample.doubt(3))
        ])
        _ = try await store.edit([Sample.put(self.alice, Sample.renewal(3), replacing: Generation(2))])
        #expect(try await store.shown(self.alice)?.doubt == nil)
    }

    @Test(arguments: Backend.allCases)
    func `of two commits from one generation the second is a conflict`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice)
        _ = try await store.commit([Sample.renewed(self.alice, from: 1, Sample.renewal(2))])
        let before = try await store.allAccounts()

        let late = try await store.commit([
            Sample.renewed(self.alice, from: 1, Sample.renewal(3)),
            Sample.failed(self.alice, from: 3, Sample.failure(1)),
        ])
        #expect(late == [.conflict(current: Generation(2)), .conflict(current: Generation(2))])
        #expect(try await store.allAccounts() == before)
        #expect(try await store.grant(for: self.alice).sealed == Sample.renewal(2).sealedGrant)
    }

    @Test(arguments: Backend.allCases)
    func `a conflict in a batch keeps none of the others back`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice)
        try await store.add(self.bob)
        let outcomes = try await store.commit([
            Sample.renewed(self.alice, from: 9, Sample.renewal(2)),
            Sample.renewed(try AccountID("box/nobody"), from: 1, Sample.renewal(2)),
            Sample.renewed(self.bob, from: 1, Sample.renewal(2)),
            Sample.renewed(self.bob, from: 2, Sample.renewal(3)),
        ])
        let row = try #require(try await store.shown(self.bob))
        #expect(outcomes[0] == .conflict(current: .first))
        #expect(outcomes[1] == .notFound)
        #expect(outcomes[3] == .committed(Generation(3), row.revision))
        #expect(row.sealedToken == Sample.renewal(3).sealedToken)
    }

    @Test(arguments: Backend.allCases, [0, 1, 2, 10_000])
    func `a batch of any size has one outcome for each entry, in order`(backend: Backend, count: Int) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        let ids = try (0..<count).map { try Sample.account($0) }
        let added = try await store.edit(ids.map { Sample.put($0, Sample.renewal(1)) })
        #expect(added.count == count)
        let outcomes = try await store.commit(ids.map { Sample.renewed($0, from: 1, Sample.renewal(2)) })
        let revisions = outcomes.compactMap { outcome -> Revision? in
            guard case .committed(Generation(2), let revision) = outcome else { return nil }
            return revision
        }
        #expect(revisions.count == count)
        #expect(revisions == revisions.sorted() && Set(revisions).count == count)
        let rows = try await store.allAccounts(pageSize: 777)
        #expect(rows.count == count)
        #expect(rows.allSatisfy { $0.generation == Generation(2) })
    }

    @Test(arguments: Backend.allCases)
    func `every commit has a later revision than the one before, removed accounts included`(
        backend: Backend
    ) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        var edits: [AccountEdit] = []
        for _ in 0..<3 {
            edits += [Sample.put(self.alice, Sample.renewal(1)), .pause(self.alice, true), .remove(self.alice)]
        }
        var last = Revision(0)
        for edit in edits {
            let outcomes = try await store.edit([edit])
            guard case .committed(_, let revision) = outcomes.first else { throw UnexpectedOutcome(outcomes: outcomes) }
            #expect(revision > last)
            last = revision
        }
    }

    // MARK: Values

    @Test(arguments: Backend.allCases)
    func `texts of 8 bits, long ones and empty ones come back as they were`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        let long = String(repeating: "ü🦆", count: 20_000)
        for (number, text) in ["", "é", "e\u{301}", "'; DROP TABLE account; --", "日本語 ", long].enumerated() {
            let id = try Sample.account(number)
            var renewal = Sample.renewal(1)
            renewal.facts.tokenType = text
            renewal.facts.scope = text.split(separator: " ").map(String.init)
            renewal.sealedToken = SealedBytes([0] + Array(text.utf8) + [0, 0xFF])
            _ = try await store.edit([
                .put(id, profile: text, replacing: nil, renewal, dueAt: nil),
                .mark(
                    id,
                    generation: .first,
                    .misconfigured,
                    Failure(cause: .tls, message: text, at: .epoch, retryAt: nil, count: 1),
                    doubt: nil,
                    dueAt: nil
                ),
            ])
            let row = try #require(try await store.shown(id))
            #expect(Array(row.profile.utf8) == Array(text.utf8))
            #expect(row.facts == renewal.facts)
            #expect(row.sealedToken == renewal.sealedToken)
            #expect(row.failure.map { Array($0.message.utf8) } == Array(text.utf8))
            #expect(row.dueAt == nil)
        }
    }

    @Test(arguments: Backend.allCases)
    func `names that look alike are two accounts`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        let (composed, decomposed) = (try AccountID("box/\u{E9}"), try AccountID("box/e\u{301}"))
        try await store.add(composed, Sample.renewal(1))
        try await store.add(decomposed, Sample.renewal(2))
        #expect(try await store.allAccounts(pageSize: 1).map(\.account) == [decomposed, composed])
        #expect(try await store.token(for: composed).facts == Sample.facts(1))
    }

    @Test(arguments: Backend.allCases)
    func `moments beyond 2038, and at the ends of the range, come back as they were`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        let moments = [Int64.min, -1, 0, 2_147_483_648_000, 253_402_300_800_001, Int64.max]
        for (number, milliseconds) in moments.enumerated() {
            let moment = Timestamp(milliseconds: milliseconds)
            var renewal = Sample.renewal(1)
            renewal.facts = TokenFacts(
                tokenType: "Bearer",
                scope: [],
                issuedAt: moment,
                expiresAt: moment,
                grantExpiresAt: moment
            )
            let id = try Sample.account(number)
            _ = try await store.edit([.put(id, profile: "box", replacing: nil, renewal, dueAt: moment)])
            let row = try #require(try await store.shown(id))
            #expect(row.facts == renewal.facts)
            #expect(row.dueAt == moment)
        }
    }

    // MARK: Pages

    @Test(arguments: Backend.allCases)
    func `pages are in the order of the names' bytes, whatever the size of a page`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        let names = ["b/1", "a/2", "a/10", "a/1", "a/Z", "a/z", "a/é", "a-b/1", "z/日"]
        for name in names { try await store.add(try AccountID(name)) }
        let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for size in 1...(names.count + 1) {
            #expect(try await store.allAccounts(pageSize: size).map(\.account.name) == sorted, "pages of \(size)")
        }
    }

    @Test(arguments: Backend.allCases)
    func `rows that come and go between pages move no other row`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        for letter in ["b", "c", "d", "e", "f"] { try await store.add(try AccountID("box/\(letter)")) }
        var seen = try await store.accounts(after: nil, limit: 2)
        // One before the mark, one after it, the mark itself gone, and a later one.
        try await store.add(try AccountID("box/a"))
        try await store.add(try AccountID("box/dd"))
        _ = try await store.edit([.remove(try AccountID("box/c")), .remove(try AccountID("box/e"))])
        _ = try await store.commit([Sample.renewed(try AccountID("box/f"), from: 1, Sample.renewal(2))])
        while let last = seen.last?.account {
            let page = try await store.accounts(after: last, limit: 2)
            seen += page
            if page.count < 2 { break }
        }
        #expect(seen.map(\.account.name) == ["box/b", "box/c", "box/d", "box/dd", "box/f"])
        #expect(seen.last?.generation == Generation(2))
    }

    // MARK: Edit

    @Test(arguments: Backend.allCases)
    func `a new account is put once, and replaced by its generation only`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        #expect(try await store.edit([Sample.put(self.alice, Sample.renewal(1), replacing: .first)]) == [.notFound])
        try await store.add(self.alice)
        _ = try await store.edit([.pause(self.alice, true)])
        let again = try await store.edit([
            Sample.put(self.alice, Sample.renewal(2)),
            Sample.put(self.alice, Sample.renewal(2), replacing: Generation(2)),
        ])
        #expect(again == [.conflict(current: .first), .conflict(current: .first)])
        #expect(try await store.token(for: self.alice).facts == Sample.facts(1))

        _ = try await store.edit([
            .put(self.alice, profile: "other", replacing: .first, Sample.renewal(3), dueAt: nil)
        ])
        let row = try #require(try await store.shown(self.alice))
        #expect(row.generation == Generation(2))
        #expect(row.profile == "other")
        #expect(row.facts == Sample.facts(3))
        #expect(row.isPaused)
    }

    @Test(arguments: Backend.allCases)
    func `a removed account is gone with everything, and may come again`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        let sink = try SinkID("desk")
        try await store.add(self.alice, Sample.renewal(1, sinks: [sink]))
        try await store.add(self.bob, Sample.renewal(1, sinks: [sink]))
        _ = try await store.edit([.remove(self.alice)])

        #expect(try await store.allAccounts().map(\.account) == [self.bob])
        await #expect(throws: StoreError.notFound(self.alice)) { try await store.token(for: self.alice) }
        await #expect(throws: StoreError.notFound(self.alice)) { try await store.grant(for: self.alice) }
        let edits: [AccountEdit] = [
            .remove(self.alice), .pause(self.alice, true), .deliver(self.alice, [sink]),
            .mark(self.alice, generation: .first, .good, nil, doubt: nil, dueAt: nil),
        ]
        #expect(try await store.edit(edits) == [.notFound, .notFound, .notFound, .notFound])
        #expect(try await store.commit([Sample.renewed(self.alice, from: 1, Sample.renewal(2))]) == [.notFound])

        try await store.add(self.alice)
        let row = try #require(try await store.shown(self.alice))
        #expect(row.deliveries.isEmpty)
    }

    @Test(arguments: Backend.allCases)
    func `pause and mark change what they name and nothing else`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice)
        var expected = try #require(try await store.shown(self.alice))
        for isPaused in [true, false] {
            _ = try await store.edit([.pause(self.alice, isPaused)])
            let row = try #require(try await store.shown(self.alice))
            expected.isPaused = isPaused
            expected.revision = row.revision
            #expect(row == expected)
        }
        for (standing, failure) in zip(Standing.allCases, [Sample.failure(1), nil, Sample.failure(2), nil, nil, nil]) {
            let doubt = standing == .inDoubt ? Sample.doubt(2) : nil
            _ = try await store.edit([
                .mark(self.alice, generation: .first, standing, failure, doubt: doubt, dueAt: Sample.due(4))
            ])
            let row = try #require(try await store.shown(self.alice))
            expected.standing = standing
            expected.failure = failure
            expected.doubt = doubt
            expected.dueAt = Sample.due(4)
            expected.revision = row.revision
            #expect(row == expected)
        }
        let late = try await store.edit([
            .mark(self.alice, generation: Generation(2), .good, nil, doubt: nil, dueAt: nil)
        ])
        #expect(late == [.conflict(current: .first)])
    }

    @Test(arguments: Backend.allCases)
    func `a store for one daemon grants every claim`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        let ids = [self.bob, self.alice]
        #expect(try await store.claim(ids, for: .seconds(60)) == ids)
    }
}
