package import Logging
import KillPoints
package import RefreshCore
import Synchronization

/// Seals everything in the store anew, under the writing key.
///
/// In small batches, between which commits have their turn. It may be cut off anywhere: what was done stays done, what was
/// not opens under the old key, and the next run goes on from there (facts C03).
package final class Rekeyer: Sendable {
    /// What a run has come to, or is at.
    package struct Progress: Hashable, Sendable {
        /// Accounts that were sealed anew in this run.
        package var done: Int
        /// Accounts that could not be: their key is not here, or their bytes are damaged.
        package var left: Int

        package init(done: Int, left: Int) {
            self.done = done
            self.left = left
        }
    }

    private let store: any TokenStore & ResealableStore & JarStore
    private let storeID: StoreID
    private let sealer: any Sealer
    private let writingKey: KeyID
    private let logger: Logger
    private let isRunning = Mutex(false)

    /// Given the key that `sealer` seals under.
    package init(
        store: any TokenStore & ResealableStore & JarStore,
        storeID: StoreID,
        sealer: any Sealer,
        writingKey: KeyID,
        logger: Logger
    ) {
        self.store = store
        self.storeID = storeID
        self.sealer = sealer
        self.writingKey = writingKey
        self.logger = logger
    }

    /// Accounts of one batch: some milliseconds of the store's time.
    private static let batch = 256

    /// Goes through all accounts once.
    ///
    /// Accounts that come or change meanwhile are sealed under the writing key anyway. With none left, the store is told
    /// that the other keys may be withdrawn.
    ///
    /// - Parameter tell: Called after each batch.
    /// - Returns: What it has come to.
    /// - Throws: `RekeyError`; what was done until then stays done.
    package func run(_ tell: (Progress) async -> Void = { _ in }) async throws(RekeyError) -> Progress {
        guard
            self.isRunning.withLock({ isRunning in
                defer { isRunning = true }
                return !isRunning
            })
        else { throw .alreadyRunning }
        defer { self.isRunning.withLock { $0 = false } }
        do throws(StoreError) {
            return try await self.pass(tell)
        } catch {
            switch error {
            case .unavailable(let detail), .corrupt(_, let detail): throw .storeUnavailable(detail: detail)
            case .notFound: throw .storeUnavailable(detail: error.label)
            }
        }
    }

    private func pass(_ tell: (Progress) async -> Void) async throws(StoreError) -> Progress {
        var progress = Progress(done: 0, left: 0)
        var kept: Set<KeyID> = [self.writingKey]
        var last: AccountID?
        while true {
            let page = try await self.store.records(after: last, limit: Self.batch)
            var changes: [Resealing] = []
            for record in page where !self.isUnderWritingKey(record) {
                do throws(SealingError) {
                    changes.append(try self.seal(record))
                } catch {
                    progress.left += 1
                    kept.formUnion([record.token.key, record.grant.key])
                    self.logger.error(
                        "an account cannot be sealed anew",
                        metadata: [
                            LogKeys.account: "\(record.account)",
                            LogKeys.cause: "\(Cause.keyLost.rawValue)",
                            LogKeys.reason: error == .unknownKey ? "its key is not here" : "its bytes are damaged",
                        ]
                    )
                }
            }
            try await self.store.reseal(changes)
            KillPoint.inRekey.pass()
            progress.done += changes.count
            await tell(progress)
            guard page.count == Self.batch, let end = page.last else { break }
            last = end.account
        }
        try await self.resealJars()
        try await self.store.retireKeys(except: kept)
        return progress
    }

    /// Few and small, so at one go.
    ///
    /// A jar that does not open is left: the next delivery begins with an empty one.
    private func resealJars() async throws(StoreError) {
        let (storeID, sealer, writingKey) = (self.storeID, self.sealer, self.writingKey)
        try await self.store.resealJars { jar in
            let place = SealingPlace(jarOf: storeID, jar.key)
            guard jar.cookies.key != writingKey, let cookies = try? sealer.open(jar.cookies, at: place) else {
                return nil
            }
            return try? sealer.seal(cookies.revealBytes(), at: place)
        }
    }

    private func isUnderWritingKey(_ record: SealedRecord) -> Bool {
        record.token.key == self.writingKey && record.grant.key == self.writingKey
    }

    private func seal(_ record: SealedRecord) throws(SealingError) -> Resealing {
        Resealing(
            record: record,
            token: try self.seal(record.token, .accessToken, of: record),
            grant: try self.seal(record.grant, .grant, of: record)
        )
    }

    private func seal(
        _ sealed: SealedBytes,
        _ column: SealingPlace.Column,
        of record: SealedRecord
    ) throws(SealingError) -> SealedBytes {
        let place = SealingPlace(
            store: self.storeID,
            account: record.account,
            column: column,
            generation: record.generation
        )
        let secret = try self.sealer.open(sealed, at: place)
        return try self.sealer.seal(secret.revealBytes(), at: place)
    }
}

/// Why a rekey did not get to its end.
package enum RekeyError: Error, Hashable, Sendable, CustomStringConvertible {
    case alreadyRunning
    case storeUnavailable(detail: String)

    package var description: String {
        switch self {
        case .alreadyRunning: "another rekey is running: wait for it to end"
        case .storeUnavailable(let detail):
            "the store could not be read or written (\(detail)): what was done stays done, so begin again later"
        }
    }
}
