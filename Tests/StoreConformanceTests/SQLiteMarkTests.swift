import RefreshCore
import SQLiteStore
import TestSupport
import Testing

/// What the store keeps from one run of the daemon to the next.
@Suite struct SQLiteMarkTests {
    let folder: TemporaryFolder

    init() throws { self.folder = try TemporaryFolder() }

    @Test func `a new store has seen no journal, and nothing can be open in it`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        let expected = StoreMark(revision: Revision(0), journal: nil, isSettled: true, machine: nil)
        #expect(try await store.mark() == expected)
        #expect(try await store.lanes().isEmpty)
        await store.close()
    }

    @Test func `what was bound is there after a restart, until it is bound anew`() async throws {
        for (journal, isSettled) in [("first", false), ("first", true), ("second", false)] {
            let store = try SQLiteStore.open(in: self.folder)
            try await store.bind(journal: journal, machine: "host of \(journal)", isSettled: isSettled)
            await store.close()
            let again = try SQLiteStore.open(in: self.folder)
            let expected = StoreMark(
                revision: Revision(0),
                journal: journal,
                isSettled: isSettled,
                machine: "host of \(journal)"
            )
            #expect(try await again.mark() == expected)
            await again.close()
        }
    }

    @Test func `the high-water mark follows commits, is lifted, and never falls`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        let alice = try AccountID("box/alice")
        try await store.add(alice)
        #expect(try await store.mark().revision == Revision(1))
        try await store.raise(to: Revision(100))
        try await store.raise(to: Revision(50))
        #expect(try await store.mark().revision == Revision(100))
        let outcomes = try await store.commit([Sample.renewed(alice, from: 1, Sample.renewal(2))])
        #expect(outcomes == [.committed(Generation(2), Revision(101))])
        await store.close()
    }

    @Test func `lanes are kept whole, in place of those before`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        try await store.saveLanes(["a": [1], "b": [0, 255], "empty": []])
        #expect(try await store.lanes() == ["a": [1], "b": [0, 255]])
        try await store.saveLanes(["b": [7], "é": [8]])
        await store.close()
        let again = try SQLiteStore.open(in: self.folder)
        #expect(try await again.lanes() == ["b": [7], "é": [8]])
        await again.close()
    }
}
