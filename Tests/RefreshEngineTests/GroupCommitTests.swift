@testable import RefreshEngine
import RefreshCore
import Synchronization
import TestSupport
import Testing

@Suite struct GroupCommitTests {
    /// Remembers the batches, holds each at a gate, and answers each item with its double.
    private final class Ledger: Sendable {
        let batches = Mutex<[[Int]]>([])
        let gates: [Gate]

        init(gates: [Gate] = []) { self.gates = gates }

        func commit(_ items: [Int]) async throws(StoreError) -> [Int] {
            let number = self.batches.withLock { batches in
                batches.append(items)
                return batches.count - 1
            }
            if number < self.gates.count { await self.gates[number].pass() }
            if items.contains(-1) { throw .unavailable(detail: "planned by the test") }
            return items.map { $0 * 2 }
        }
    }

    @Test func `one alone is one transaction`() async throws {
        let ledger = Ledger()
        let group = GroupCommit<Int, Int> { items throws(StoreError) in try await ledger.commit(items) }
        for item in 1...5 { #expect(try await group.submit(item) == item * 2) }
        #expect(ledger.batches.withLock { $0 } == [[1], [2], [3], [4], [5]])
    }

    @Test(arguments: [1, 2, 7, 64])
    func `whoever comes during a commit is part of the next, up to the limit, and gets its own outcome`(
        _ limit: Int
    ) async throws {
        let gate = Gate()
        let ledger = Ledger(gates: [gate])
        let group = GroupCommit<Int, Int>(limit: limit) { items throws(StoreError) in try await ledger.commit(items) }
        try await withThrowingTaskGroup(of: (Int, Int).self) { tasks in
            for item in 0..<100 { tasks.addTask { (item, try await group.submit(item)) } }
            await eventually("everybody waits") { await group.backlog == 99 }
            gate.open()
            for try await (item, outcome) in tasks { #expect(outcome == item * 2) }
        }
        let batches = ledger.batches.withLock { $0 }
        #expect(batches.count == 1 + (99 + limit - 1) / limit)
        #expect(batches.allSatisfy { $0.count <= limit })
        #expect(batches.flatMap(\.self).sorted() == Array(0..<100))
    }

    @Test func `an error reaches all of its batch and none of another`() async throws {
        let (first, second) = (Gate(), Gate())
        let ledger = Ledger(gates: [first, second])
        let group = GroupCommit<Int, Int> { items throws(StoreError) in try await ledger.commit(items) }
        let alone = Task { try await group.submit(7) }
        await eventually("leads") { ledger.batches.withLock { $0.count } == 1 }
        let failing = (-1...3).map { item in Task { try await group.submit(item) } }
        await eventually("five wait") { await group.backlog == 5 }
        first.open()
        await eventually("second batch") { ledger.batches.withLock { $0.count } == 2 }
        let late = Task { try await group.submit(9) }
        await eventually("one waits") { await group.backlog == 1 }
        second.open()
        #expect(try await alone.value == 14)
        for task in failing { await #expect(throws: StoreError.self) { try await task.value } }
        #expect(try await late.value == 18)
    }
}
