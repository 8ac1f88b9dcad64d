@testable import SQLiteStore
import RefreshCore
import TestSupport
import Testing

@Suite struct ScopeTextsTests {
    private static let texts = ["a b", "", "c", "a b", "a", "", "c", "https://box.example/auth/all"]

    @Test func `every text has its own list, in whatever order they come`() {
        var scopes = ScopeTexts()
        for text in Self.texts + Self.texts.reversed() {
            #expect(scopes.list(text) == text.split(separator: " ").map(String.init))
        }
    }

    @Test func `accounts of one page have each its own scope`() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore.open(in: folder)
        for (number, text) in Self.texts.enumerated() {
            var renewal = Sample.renewal(number)
            renewal.facts.scope = text.split(separator: " ").map(String.init)
            _ = try await store.edit([Sample.put(Sample.account(number), renewal)])
        }
        let page = try await store.accounts(after: nil, limit: 100)
        #expect(page.map { $0.facts.scope.joined(separator: " ") } == Self.texts)
        await store.close()
    }
}
