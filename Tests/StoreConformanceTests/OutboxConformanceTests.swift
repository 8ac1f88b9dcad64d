import RefreshCore
import Testing

/// What every store must do with deliveries.
@Suite struct OutboxConformanceTests {
    let alice: AccountID
    let desk: SinkID
    let file: SinkID

    init() throws {
        self.alice = try AccountID("box/alice")
        self.desk = try SinkID("desk")
        self.file = try SinkID("file")
    }

    private func pending(_ sink: SinkID, _ generation: Int64, accepted: Int64? = nil, of number: Int) -> Delivery {
        Delivery(
            account: self.alice,
            sink: sink,
            state: .pending,
            generation: Generation(generation),
            accepted: accepted.map { Generation($0) },
            at: Sample.facts(number).issuedAt,
            failure: nil
        )
    }

    private func deliveries(_ store: any TokenStore) async throws -> [Delivery] {
        try #require(try await store.shown(self.alice)).deliveries
    }

    @Test(arguments: Backend.allCases)
    func `a new token is to be delivered to its sinks, and the newest replaces an older one`(
        backend: Backend
    ) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice, Sample.renewal(1, sinks: [self.file, self.desk]))
        #expect(
            try await self.deliveries(store)
                == [self.pending(self.desk, 1, of: 1), self.pending(self.file, 1, of: 1)]
        )
        _ = try await store.commit([
            Sample.renewed(self.alice, from: 1, Sample.renewal(2, sinks: [self.desk]))
        ])
        #expect(
            try await self.deliveries(store)
                == [self.pending(self.desk, 2, of: 2), self.pending(self.file, 1, of: 1)]
        )
    }

    @Test(arguments: Backend.allCases)
    func `a conflict delivers nothing`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice)
        _ = try await store.commit([
            Sample.renewed(self.alice, from: 5, Sample.renewal(2, sinks: [self.desk]))
        ])
        #expect(try await self.deliveries(store).isEmpty)
    }

    @Test(arguments: Backend.allCases, Delivery.State.allCases)
    func `an acknowledged delivery is as it was acknowledged`(backend: Backend, state: Delivery.State) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice, Sample.renewal(1, sinks: [self.desk, self.file]))
        var told = self.pending(self.desk, 1, of: 1)
        told.state = state
        told.at = Sample.due(7)
        told.failure = state == .retrying ? Sample.failure(3) : nil
        told.accepted = state == .delivered ? .first : nil
        try await store.acknowledge([told])
        #expect(try await self.deliveries(store) == [told, self.pending(self.file, 1, of: 1)])
    }

    @Test(arguments: Backend.allCases)
    func `a late acknowledgement changes only what was accepted, and never back`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice, Sample.renewal(1, sinks: [self.desk]))
        var first = self.pending(self.desk, 1, accepted: 1, of: 1)
        first.state = .delivered
        _ = try await store.commit([Sample.renewed(self.alice, from: 1, Sample.renewal(2, sinks: [self.desk]))])
        try await store.acknowledge([first])
        #expect(try await self.deliveries(store) == [self.pending(self.desk, 2, accepted: 1, of: 2)])

        var second = self.pending(self.desk, 2, accepted: 2, of: 2)
        second.state = .delivered
        try await store.acknowledge([second])
        try await store.acknowledge([first])
        #expect(try await self.deliveries(store) == [second])

        // A failure of the next one says nothing of what was accepted.
        _ = try await store.commit([Sample.renewed(self.alice, from: 2, Sample.renewal(3, sinks: [self.desk]))])
        var third = self.pending(self.desk, 3, of: 3)
        third.state = .retrying
        third.failure = Sample.failure(1)
        try await store.acknowledge([third])
        third.accepted = Generation(2)
        #expect(try await self.deliveries(store) == [third])
    }

    @Test(arguments: Backend.allCases)
    func `an acknowledgement without a row, or of a generation that is not there yet, is dropped`(
        backend: Backend
    ) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice, Sample.renewal(1, sinks: [self.desk]))
        var stray = self.pending(self.file, 1, accepted: 1, of: 1)
        stray.state = .delivered
        var early = self.pending(self.desk, 2, accepted: 2, of: 1)
        early.state = .delivered
        var gone = stray
        gone.account = try AccountID("box/gone")
        try await store.acknowledge([stray, early, gone])
        #expect(try await self.deliveries(store) == [self.pending(self.desk, 1, of: 1)])
        #expect(try await store.allAccounts().count == 1)
    }

    @Test(arguments: Backend.allCases)
    func `asked for again, a delivery is pending at the present generation`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        try await store.add(self.alice, Sample.renewal(1, sinks: [self.desk]))
        var refused = self.pending(self.desk, 1, accepted: 1, of: 1)
        refused.state = .refused
        refused.failure = Sample.failure(2)
        try await store.acknowledge([refused])
        _ = try await store.commit([Sample.renewed(self.alice, from: 1, Sample.renewal(2))])

        let outcomes = try await store.edit([.deliver(self.alice, [self.desk, self.file])])
        let row = try #require(try await store.shown(self.alice))
        #expect(outcomes == [.committed(Generation(2), row.revision)])
        #expect(row.deliveries == [self.pending(self.desk, 2, accepted: 1, of: 2), self.pending(self.file, 2, of: 2)])
    }

    @Test(arguments: Backend.allCases)
    func `a page shows each account its own deliveries`(backend: Backend) async throws {
        let under = try backend.makeEmptyStore()
        let store = under.port
        for number in 0..<20 {
            let sinks = [[], [self.desk], [self.desk, self.file]][number % 3]
            try await store.add(try Sample.account(number), Sample.renewal(number, sinks: sinks))
        }
        for row in try await store.allAccounts(pageSize: 3) {
            #expect(row.deliveries.allSatisfy { $0.account == row.account })
            let number = Int(row.account.name.dropFirst("box/user-".count)) ?? -1
            #expect(row.deliveries.count == number % 3)
        }
    }
}
