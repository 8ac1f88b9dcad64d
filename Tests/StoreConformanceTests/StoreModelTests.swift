import RefreshCore
import SQLiteStore
import TestSupport
import Testing

/// The database beside the store in memory: the same random steps, and the same answers.
@Suite struct StoreModelTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `the database and the store in memory never differ`(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        var store = try SQLiteStore.open(in: folder)
        let model = InMemoryStore()
        for step in 0..<150 {
            let batch = try (0..<Int.random(in: 1...8, using: &random)).map { _ in try Step(&random) }
            switch batch[0] {
            case .commit:
                let results = batch.compactMap(\.result)
                let (mine, models) = (try await store.commit(results), await model.commit(results))
                #expect(mine == models, "seed \(seed), step \(step)")
            case .edit:
                let edits = batch.compactMap(\.edit)
                let (mine, models) = (try await store.edit(edits), await model.edit(edits))
                #expect(mine == models, "seed \(seed), step \(step)")
            case .acknowledge:
                let deliveries = batch.compactMap(\.delivery)
                try await store.acknowledge(deliveries)
                await model.acknowledge(deliveries)
            }
            if step.isMultiple(of: 50) {
                await store.close()
                store = try SQLiteStore.open(in: folder)
            }
            let (mine, models) = (
                try await store.allAccounts(pageSize: 3), await model.accounts(after: nil, limit: 100)
            )
            try #require(mine == models, "seed \(seed), step \(step)")
            for row in mine {
                let (grant, modelGrant) = (
                    try await store.grant(for: row.account), try await model.grant(for: row.account)
                )
                try #require(grant == modelGrant, "seed \(seed), step \(step)")
            }
        }
    }

    /// One random thing to do with one of six accounts.
    private enum Step {
        case commit(AttemptResult)
        case edit(AccountEdit)
        case acknowledge(Delivery)

        var result: AttemptResult? {
            guard case .commit(let result) = self else { return nil }
            return result
        }
        var edit: AccountEdit? {
            guard case .edit(let edit) = self else { return nil }
            return edit
        }
        var delivery: Delivery? {
            guard case .acknowledge(let delivery) = self else { return nil }
            return delivery
        }

        init(_ random: inout SeededGenerator) throws {
            let id = try Sample.account(Int.random(in: 0..<6, using: &random))
            let number = Int.random(in: 0..<1_000, using: &random)
            let generation = Int64.random(in: 1...4, using: &random)
            let sinks = try ["desk", "file"].filter { _ in Bool.random(using: &random) }.map { try SinkID($0) }
            let failure = Bool.random(using: &random) ? Sample.failure(number) : nil
            let doubt = Bool.random(using: &random) ? Sample.doubt(number) : nil
            switch Int.random(in: 0..<10, using: &random) {
            case 0, 1, 2:
                self = .commit(Sample.renewed(id, from: generation, Sample.renewal(number, sinks: sinks)))
            case 3:
                self = .commit(Sample.failed(id, from: generation, Sample.failure(number), doubt: doubt))
            case 4, 5:
                let replaced = Bool.random(using: &random) ? nil : Generation(generation)
                self = .edit(Sample.put(id, Sample.renewal(number, sinks: sinks), replacing: replaced))
            case 6:
                let others: [AccountEdit] = [
                    .remove(id), .pause(id, Bool.random(using: &random)), .deliver(id, sinks),
                    .mark(id, generation: Generation(generation), .misconfigured, failure, doubt: doubt, dueAt: nil),
                ]
                self = .edit(others[Int.random(in: 0..<others.count, using: &random)])
            default:
                self = .acknowledge(
                    Delivery(
                        account: id,
                        sink: try SinkID("desk"),
                        state: Delivery.State.allCases[number % Delivery.State.allCases.count],
                        generation: Generation(generation),
                        accepted: Bool.random(using: &random) ? Generation(generation) : nil,
                        at: Sample.due(number),
                        failure: failure
                    )
                )
            }
        }
    }
}

/// SplitMix64.
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
