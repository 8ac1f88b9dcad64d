import Logging
import RefreshCore
import SQLiteStore
import Sealing
import TestSupport

/// The stores that are held to the suite.
enum Backend: String, CaseIterable, Sendable {
    case memory
    case sqlite

    func makeEmptyStore() throws -> StoreUnderTest {
        switch self {
        case .memory:
            return StoreUnderTest(port: InMemoryStore(), folder: nil)
        case .sqlite:
            let folder = try TemporaryFolder()
            return StoreUnderTest(port: try SQLiteStore.open(in: folder), folder: folder)
        }
    }
}

/// A store, and the folder that has to live as long as it.
struct StoreUnderTest: Sendable {
    var port: any TokenStore
    var folder: TemporaryFolder?
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

extension SQLiteStore {
    static let fileName = "store.sqlite"

    /// Opens or makes the store of a folder under a key of 32 equal bytes.
    static func open(in folder: TemporaryFolder, key: UInt8 = 1) throws -> SQLiteStore {
        let sealer = AEADSealer(keys: try KeyRing(bytes: [UInt8](repeating: key, count: 32)))
        return try self.open(
            path: folder.path(Self.fileName),
            logger: .silent
        ) { existing in
            if let existing {
                try sealer.verify(existing.keyCheck, of: existing.store)
                return existing
            }
            let id = StoreID.random()
            return StoreIdentity(store: id, keyCheck: try sealer.keyCheck(of: id))
        }
    }
}

extension TokenStore {
    /// Every account, by pages.
    func allAccounts(pageSize: Int = 1_000) async throws -> [StoredAccount] {
        var all: [StoredAccount] = []
        while true {
            let page = try await self.accounts(after: all.last?.account, limit: pageSize)
            all += page
            if page.count < pageSize { return all }
        }
    }

    func shown(_ id: AccountID) async throws -> StoredAccount? {
        try await self.allAccounts().first { $0.account == id }
    }

    /// Adds one account of generation 1.
    func add(_ id: AccountID, _ renewal: Renewal = Sample.renewal(1)) async throws {
        let outcomes = try await self.edit([Sample.put(id, renewal)])
        guard case .committed(.first, _) = outcomes.first else { throw UnexpectedOutcome(outcomes: outcomes) }
    }
}

struct UnexpectedOutcome: Error {
    var outcomes: [CommitOutcome]
}
