import RefreshCore

/// Many writers, one transaction: whoever comes while a commit runs is part of the next one.
///
/// Nobody waits for company. The first writer leads: it commits whatever is waiting, tells the others, and hands the
/// lead to the first of those that have come meanwhile. So one writer alone pays for one commit, and fifty at once pay
/// for two, and there is no task that somebody would have to end.
actor GroupCommit<Item: Sendable, Outcome: Sendable> {
    private enum Word {
        case outcome(Outcome)
        case failed(StoreError)
        /// The lead is yours.
        case lead
    }

    private let limit: Int
    private let perform: @Sendable ([Item]) async throws(StoreError) -> [Outcome]
    private var waiting: [(item: Item, writer: CheckedContinuation<Word, Never>)] = []
    private var isLed = false

    /// - Parameters:
    ///   - limit: Items of one transaction at most, 1 or more: a writer waits no longer than two of those.
    ///   - perform: Commits a batch and returns one outcome for each item, in their order.
    init(limit: Int = 512, perform: @escaping @Sendable ([Item]) async throws(StoreError) -> [Outcome]) {
        self.limit = limit
        self.perform = perform
    }

    /// How many are waiting for the next transaction.
    var backlog: Int { self.waiting.count }

    /// Returns once the item's transaction is durable.
    ///
    /// - Throws: `StoreError`, for every item of the batch alike.
    func submit(_ item: Item) async throws(StoreError) -> Outcome {
        if self.isLed {
            let word = await withCheckedContinuation { self.waiting.append((item, $0)) }
            switch word {
            case .outcome(let outcome): return outcome
            case .failed(let error): throw error
            case .lead: break
            }
        }
        self.isLed = true
        defer { self.handOn() }
        let others = self.waiting.prefix(self.limit - 1)
        self.waiting.removeFirst(others.count)
        do throws(StoreError) {
            let outcomes = try await self.perform([item] + others.map(\.item))
            for (other, outcome) in zip(others, outcomes.dropFirst()) {
                other.writer.resume(returning: .outcome(outcome))
            }
            return outcomes[0]
        } catch {
            for other in others { other.writer.resume(returning: .failed(error)) }
            throw error
        }
    }

    private func handOn() {
        guard !self.waiting.isEmpty else {
            self.isLed = false
            return
        }
        // The next leader is not part of what it takes from the queue: it brings its own item.
        self.waiting.removeFirst().writer.resume(returning: .lead)
    }
}
