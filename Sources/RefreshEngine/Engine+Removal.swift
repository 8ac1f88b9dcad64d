import Logging
import OAuth
package import RefreshCore
import Synchronization

// The way out: revoked where that is asked for, then forgotten.
//
//     wait for an attempt under way ── revoke ── forget in the store ── overwrite in the journal
//                                         │               │                      │
//     after 30 s of tries:     told, nothing is done   told, revoked    told in the journal only
extension Engine {
    /// How long the provider, and then the store, is asked again before the caller is told that it does not work.
    static let removalPatience: Duration = .seconds(30)

    /// Forgets an account and its secrets, for good.
    ///
    /// Waits for an attempt that is under way: its result must find no other account under the same name. Each step is
    /// tried again for up to `removalPatience` where that can help. An account that could not be revoked stays as it
    /// is; one that was revoked and cannot be forgotten stays too, and its next refresh finds the grant dead.
    ///
    /// - Parameters:
    ///   - account: Whom to forget.
    ///   - revoke: Whether the provider ends the grant first, in the profile's style; a grant that is over already will do.
    /// - Throws: `EngineError.conflict` when the attempt under way does not end in time, `notRemoved` with what was not
    ///   done. Other cases as they say.
    package func remove(_ account: AccountID, revoke: Bool) async throws(EngineError) {
        // A page that was read before the removal would bring it back.
        guard !self.isLoading else { throw .loading }
        if revoke { try await self.freshenForRevocation(account) }
        self.state.withLock { $0.leave(account, true) }
        defer { self.state.withLock { $0.leave(account, false) } }
        let record = try await self.settled(account)
        if revoke { try await self.revoke(record) }
        try await self.forget(record, isRevoked: revoke)
        await self.forgetInJournal(account)
        let waiters = self.state.withLock { $0.remove(account) }
        for waiter in waiters { waiter.resume() }
        self.deliverer.forget(account)
        self.publisher.publish(Change(account: account, revision: Revision(0), kind: .removed), record)
        self.pump()
        self.logger.event(
            .accountRemoved,
            .info,
            revoke ? "account revoked and removed" : "account removed",
            [LogKeys.account: "\(account)", LogKeys.client: "\(record.client)"]
        )
    }

    /// The account once no attempt of it is under way.
    private func settled(_ account: AccountID) async throws(EngineError) -> AccountRecord {
        let deadline = self.clock.now + Self.patience
        while self.clock.now < deadline {
            guard let record = self.state.withLock({ $0.record(of: account) }) else {
                throw self.isLoading ? .loading : .accountNotFound(account)
            }
            guard record.machine.isRefreshing else { return record }
            // A wait that ends at once would be a loop without an end.
            guard !Task.isCancelled, !self.isDraining else { throw .conflict(account) }
            await self.attemptEnd(of: account, until: deadline)
        }
        throw .conflict(account)
    }

    // MARK: Revoking

    /// Gets a new access token where the provider wants to see a living one and the present one is as good as over.
    ///
    /// Before the removal begins, for from then on no attempt starts.
    private func freshenForRevocation(_ account: AccountID) async throws(EngineError) {
        guard let record = self.state.withLock({ $0.record(of: account) }),
            let profile = self.state.withLock({ $0.settings.clients[record.client]?.client.profile }),
            profile.revocation.needsAccessToken, profile.revocationEndpoint != nil
        else { return }
        do throws(EngineError) {
            _ = try await self.token(for: account, atLeast: .seconds(60))
        } catch {
            switch error {
            case .needsAuthorization(_, let cause), .unavailable(_, let cause, _):
                throw .notRemoved(
                    account,
                    cause: cause,
                    message:
                        "not revoked and not removed: the provider wants a living access token for it, and there is none"
                )
            default: throw error
            }
        }
    }

    /// Tells the provider that the grant is over.
    private func revoke(_ record: AccountRecord) async throws(EngineError) {
        guard let client = self.state.withLock({ $0.settings.clients[record.client] }),
            client.client.profile.revocationEndpoint != nil
        else {
            throw .notRemoved(
                record.account,
                cause: Cause.clientRejected.rawValue,
                message: "not revoked and not removed: no revocation endpoint is known of this client's provider"
            )
        }
        let grant: Grant?
        let accessToken: Secret?
        do throws(StoreError) {
            grant = try await self.openGrant(of: record.account)?.grant
            accessToken = try await self.openToken(of: record.account)
        } catch {
            throw self.unavailable(record.account, error)
        }
        guard let grant else {
            throw .notRemoved(
                record.account,
                cause: Cause.keyLost.rawValue,
                message: "not revoked and not removed: what is stored does not open under any key that is here"
            )
        }
        let secret = self.state.withLock { $0.secrets[record.client]?.number ?? 0 }
        let presented = client.client.presenting(secret)
        guard let request = RevocationRequest.make(grant: grant, accessToken: accessToken, client: presented) else {
            throw .notRemoved(
                record.account,
                cause: Cause.clientRejected.rawValue,
                message: "not revoked and not removed: there is no token, or no client secret, to revoke it with"
            )
        }
        try await self.revoke(record, request, client)
    }

    private func revoke(
        _ record: AccountRecord,
        _ request: EndpointRequest,
        _ client: ClientSettings
    ) async throws(EngineError) {
        let deadline = self.clock.now + Self.removalPatience
        var failures = 0
        while true {
            let verdict: RevocationVerdict
            do throws(EndpointError) {
                let answer = try await client.endpoint.send(request) { true }
                let utc = self.clock.now + self.clock.utcShift
                verdict = RevocationVerdict(answer, profile: client.client.profile, now: utc)
            } catch {
                verdict = .later(error.reason.cause, message: error.reason.sentence, retryAfter: nil)
            }
            switch verdict {
            case .over: return
            case .refused(let cause, let message):
                throw .notRemoved(
                    record.account,
                    cause: cause.rawValue,
                    message: "not revoked and not removed: \(message)"
                )
            case .later(let cause, let message, let retryAfter):
                failures += 1
                let next = self.retryMoment(after: failures, record.account, atLeast: retryAfter)
                guard await self.isReached(next, before: deadline) else {
                    throw .notRemoved(
                        record.account,
                        cause: cause.rawValue,
                        message: "not revoked and not removed, after \(failures) tries: \(message)"
                    )
                }
            }
        }
    }

    // MARK: Forgetting

    private func forget(_ record: AccountRecord, isRevoked: Bool) async throws(EngineError) {
        let deadline = self.clock.now + Self.removalPatience
        var failures = 0
        while true {
            do throws(EngineError) {
                _ = try await self.commitExisting(.remove(record.account))
                return
            } catch {
                // A write that was told as failed, and yet is on disk.
                if case .accountNotFound = error, failures > 0 { return }
                guard case .unavailable(_, let cause, _) = error else { throw error }
                failures += 1
                let next = self.retryMoment(after: failures, record.account, atLeast: nil)
                guard await self.isReached(next, before: deadline) else {
                    guard isRevoked else { throw error }
                    throw .notRemoved(
                        record.account,
                        cause: cause,
                        message: "revoked but not removed, for the store cannot be written; remove it again once it can"
                    )
                }
            }
        }
    }

    private func forgetInJournal(_ account: AccountID) async {
        do throws(JournalError) {
            try await self.journal.forget(account)
        } catch {
            // Its slot is overwritten when it is used again, or with the next fresh file.
            self.logger.warning(
                "the attempt journal may still hold an answer of a removed account",
                metadata: [LogKeys.account: "\(account)"]
            )
        }
    }

    private func retryMoment(after failures: Int, _ account: AccountID, atLeast wait: Duration?) -> Timestamp {
        let step = RetryLadder.transient.wait(after: failures, phase: account.phase)
        return self.clock.now + Swift.max(step, wait ?? .zero)
    }

    /// Waits until a moment, unless that lies behind the deadline, or nobody waits any more.
    private func isReached(_ moment: Timestamp, before deadline: Timestamp) async -> Bool {
        guard moment <= deadline, !self.isDraining else { return false }
        return (try? await self.clock.sleep(until: moment, tolerance: .milliseconds(50))) != nil
    }

    /// The access token as it is stored; nil if it does not open, or there is none.
    private func openToken(of account: AccountID) async throws(StoreError) -> Secret? {
        let sealed = try await self.store.token(for: account)
        let place = SealingPlace(
            store: self.storeID,
            account: account,
            column: .accessToken,
            generation: sealed.generation
        )
        return (try? self.sealer.open(sealed.sealed, at: place)).flatMap { $0.isEmpty ? nil : $0 }
    }
}
