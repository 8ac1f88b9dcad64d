import Logging
import RefreshCore
import Synchronization

/// Brings the results of attempts into the store, whatever it takes.
///
/// A result that cannot be committed is the only copy of a refresh token: it is kept and tried again for ever, and
/// no new attempt starts meanwhile.
final class Committer: Sendable {
    private let group: GroupCommit<AttemptResult, CommitOutcome>
    private let store: any TokenStore
    private let clock: any WallClock
    private let logger: Logger
    private let counters: Counters
    /// Called with true when a commit failed, with false once one has gone through again.
    private let storeFails: @Sendable (Bool) -> Void
    /// Whether the end of service has begun.
    private let isEnding: @Sendable () -> Bool
    private let isFailing = Mutex(false)

    init(
        store: any TokenStore,
        clock: any WallClock,
        counters: Counters,
        logger: Logger,
        isEnding: @escaping @Sendable () -> Bool = { false },
        storeFails: @escaping @Sendable (Bool) -> Void
    ) {
        self.store = store
        self.clock = clock
        self.logger = logger
        self.counters = counters
        self.storeFails = storeFails
        self.isEnding = isEnding
        self.group = GroupCommit { results throws(StoreError) in
            counters.commits.count()
            return try await store.commit(results)
        }
    }

    /// How many failures in a row end the waiting once the end of service has begun: some ten seconds.
    static let triesAtTheEnd = 8

    /// How long a result may wait for the store before readers are told of it all the same.
    static let grace: Duration = .seconds(2)

    /// Commits a result, however long it takes.
    ///
    /// - Parameters:
    ///   - result: What one attempt led to.
    ///   - late: Called once when it takes longer than `grace`.
    /// - Returns: Its outcome, once it is durable or the store says that it never will be; nil when the end of service
    ///   has come and the store still takes nothing: what is in the journal is committed at the next start.
    func commit(_ result: AttemptResult, late: () -> Void = {}) async -> CommitOutcome? {
        var failures = 0
        let lateAt = self.clock.now + Self.grace
        var isTold = false
        while true {
            do throws(StoreError) {
                let outcome = try await self.group.submit(result)
                self.recovered()
                // A commit that failed may be on disk all the same: then this is our own generation.
                guard failures > 0, case .renewed(let renewal) = result.outcome,
                    outcome == .conflict(current: result.generation.next)
                else { return outcome }
                // Or somebody put a token while it was tried again: the bytes tell, for sealing never gives the same twice.
                let present = try await self.store.token(for: result.account)
                return present.sealed == renewal.sealedToken ? .committed(present.generation, Revision(0)) : outcome
            } catch {
                switch error {
                case .notFound: return .notFound
                case .unavailable(let detail), .corrupt(_, let detail):
                    failures += 1
                    self.failed(detail)
                    if self.isEnding(), failures > Self.triesAtTheEnd { return nil }
                    if !isTold, self.clock.now >= lateAt {
                        isTold = true
                        late()
                    }
                    let wait = RetryLadder.store.wait(after: failures, phase: result.account.phase)
                    // Cancelled while waiting: the next try comes at once, for there is nobody to give the result to.
                    try? await self.clock.sleep(until: self.clock.now + wait, tolerance: nil)
                }
            }
        }
    }

    private func failed(_ detail: String) {
        // Told under the lock: of two that tell the opposite, the last word is that of the last to look.
        let isNew = self.isFailing.withLock { failing in
            guard !failing else { return false }
            failing = true
            self.storeFails(true)
            return true
        }
        guard isNew else { return }
        self.logger.event(
            .storeUnavailable,
            .error,
            "the store refuses commits; no refresh starts before it takes them again",
            [LogKeys.cause: "\(Cause.storeUnavailable.rawValue)", LogKeys.reason: "\(detail)"]
        )
    }

    private func recovered() {
        let wasFailing = self.isFailing.withLock { failing in
            guard failing else { return false }
            failing = false
            self.storeFails(false)
            return true
        }
        guard wasFailing else { return }
        self.logger.event(.storeRecovered, .notice, "the store takes commits again")
    }
}
