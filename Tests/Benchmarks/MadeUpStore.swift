import Foundation
import Logging
import RefreshCore
import RotationJournal
import SQLiteStore
import Sealing

/// What is needed of an account that is put into a store.
struct MadeUpAccount: Sendable {
    var account: AccountID
    var accessToken: Secret
    var refreshToken: Secret
}

/// A store of made-up accounts, sealed as the daemon's is.
struct MadeUpStore: Sendable {
    let path: String
    let sealer: AEADSealer

    /// - Parameters:
    ///   - folder: Private to this user. The key lies in it too; the first to come makes it.
    ///   - name: One folder may hold several stores.
    /// - Throws: `KeyFileError`.
    init(folder: String, name: String = "store") throws {
        let keyPath = "\(folder)/key"
        let key = try FileManager.default.fileExists(atPath: keyPath) ? KeyFile.read(keyPath) : KeyFile.make(keyPath)
        self.path = "\(folder)/\(name).sqlite"
        self.sealer = AEADSealer(keys: KeyRing(writing: key))
    }

    /// Opens it; makes it if it is not there.
    func open() throws -> SQLiteStore {
        try SQLiteStore.open(path: self.path, logger: .silent, isHere: self.sealer.opens) { existing in
            if let existing {
                try self.sealer.verify(existing.keyCheck, of: existing.store)
                return existing
            }
            let store = StoreID.random()
            return StoreIdentity(store: store, keyCheck: try self.sealer.keyCheck(of: store))
        }
    }

    /// Opens the journal that belongs to it; makes it if it is not there.
    func journal(of store: SQLiteStore, clock: any WallClock) throws -> RotationJournal {
        try RotationJournal.open(
            path: self.path + ".escrow",
            store: store.identity.store,
            sealer: self.sealer,
            boot: "benchmark",
            newID: StoreID.random().text,
            clock: clock,
            logger: .silent
        )
    }

    /// Puts accounts in, thousands in one transaction.
    ///
    /// - Parameters:
    ///   - accounts: None of them is there yet.
    ///   - lifetime: Of each token, from now on; given its place in the list.
    /// - Throws: What opening the store, sealing and writing throw.
    func fill(
        _ accounts: some Collection<MadeUpAccount>,
        lifetime: (Int) -> Duration
    ) async throws {
        let store = try self.open()
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        var batch: [AccountEdit] = []
        for (index, account) in accounts.enumerated() {
            func place(_ column: SealingPlace.Column) -> SealingPlace {
                SealingPlace(store: store.identity.store, account: account.account, column: column, generation: .first)
            }
            let facts = TokenFacts(
                tokenType: "Bearer",
                scope: ["files.read", "files.write"],
                issuedAt: now,
                expiresAt: now + lifetime(index)
            )
            let grant = Grant(refreshToken: account.refreshToken)
            let renewal = Renewal(
                facts: facts,
                sealedToken: try self.sealer.seal(account.accessToken.revealBytes(), at: place(.accessToken)),
                sealedGrant: try self.sealer.seal(grant.encoded(), at: place(.grant)),
                standing: .good,
                sinks: []
            )
            batch.append(
                .put(account.account, profile: "practice", replacing: nil, renewal, dueAt: facts.expiresAt)
            )
            if batch.count == 4_000 || index == accounts.count - 1 {
                _ = try await store.edit(batch)
                batch.removeAll(keepingCapacity: true)
            }
        }
        await store.close()
    }

    /// Accounts `bench/user-0`… whose access tokens have the same number of bytes.
    static func accounts(_ count: Int, tokenBytes: Int, client: String = "bench") throws -> [MadeUpAccount] {
        try (0..<count).map { number in
            let start = "canary-at-\(number)-"
            return MadeUpAccount(
                account: try AccountID("\(client)/user-\(number)"),
                accessToken: Secret(start + String(repeating: "x", count: max(0, tokenBytes - start.utf8.count))),
                refreshToken: Secret("canary-rt-\(number)")
            )
        }
    }
}

extension Logger {
    /// What the daemon would say is not measured, and must not be mixed with the tables.
    static let silent = Logger(label: "benchmarks") { _ in SwiftLogNoOpLogHandler() }
}
