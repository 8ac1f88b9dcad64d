import OAuth
package import RefreshCore
import Logging
import Synchronization

// What the edge may change: each call is one edit, committed before anything is told of it.
extension Engine {
    /// Adds an account, or gives an existing one a new token and grant.
    ///
    /// An account that is authorized again keeps its name, its deliveries and its count of generations. An answer that
    /// omits the refresh token, as some do when nothing about it has changed, leaves the one that is there. A refresh
    /// token without an access token is spent for one at once.
    ///
    /// - Parameters:
    ///   - account: Whose token it is; its client must be configured.
    ///   - answer: A token endpoint's answer, as received (RFC 6749 §5.1).
    ///   - issuedAt: When it arrived there, UTC; nil for now.
    ///   - asked: What was asked for, where the answer is one to a request of ours.
    /// - Returns: The account as it is after the edit.
    /// - Throws: `EngineError.invalidParameter` for an unusable answer or a moment over a minute ahead, and
    ///   `conflict` when refreshes kept coming in between. Other cases as they say.
    package func put(
        _ account: AccountID,
        answer: [UInt8],
        issuedAt: Timestamp?,
        asked: AskedFor? = nil
    ) async throws(EngineError) -> AccountView {
        guard !self.isLoading else { throw .loading }
        guard let clientID = try? ClientID(String(account.client)),
            let client = self.state.withLock({ $0.settings.clients[clientID] })
        else { throw .clientNotFound(String(account.client)) }
        let profile = client.client.profile
        var reader = profile
        // Whatever the provider writes, what comes over the socket is JSON.
        reader.answersAreForms = false
        let response: TokenResponse
        do throws(TokenResponseError) {
            response = try TokenResponse(parsing: answer, profile: reader, takesBareGrant: true)
        } catch {
            throw .invalidParameter("token: \(error.description)")
        }
        if let claimed = response.clientID, claimed != client.client.clientID {
            throw .invalidParameter("token.client_id: the grant was given to another client")
        }
        if response.isBareGrant, profile.strategyImplementation == nil {
            throw .invalidParameter("token: it has no access token, and this client's are not refreshed")
        }
        if let withheld = response.withheld { throw .invalidParameter("token: \(withheld.message)") }
        let now = self.clock.now
        let issued = issuedAt.map { $0 - self.clock.utcShift } ?? now
        guard issued <= now + .seconds(60) else { throw .invalidParameter("issued_at: it lies in the future") }
        // A grant alone is delivered to nobody: its first token is.
        let sinks = response.isBareGrant ? [] : self.sinks(of: clientID)

        // Twice: a refresh may be committed between the look and the edit.
        for _ in 0..<3 {
            let present = self.state.withLock { $0.record(of: account) }
            var grant = Grant(
                refreshToken: response.refreshToken,
                bindings: response.bindings.merging(asked?.bindings ?? [:]) { answered, _ in answered }
            )
            if profile.strategy.spendsAccessToken {
                grant.refreshToken = response.accessToken
            } else if response.refreshToken == nil, present != nil {
                do throws(StoreError) {
                    if let old = try await self.openGrant(of: account)?.grant { grant = old }
                } catch {
                    throw self.unavailable(account, error)
                }
            }
            let lifetime =
                response.isBareGrant
                ? .zero
                : response.expiresAt.map { $0 - self.clock.utcShift - issued }
                    ?? profile.lifetime(
                        response.lifetime,
                        hasRefreshToken: grant.refreshToken != nil,
                        isByCode: asked != nil
                    )
            let facts = TokenFacts(
                tokenType: response.tokenType,
                scope: response.scope ?? asked?.scopes ?? present?.facts.scope ?? profile.scopes,
                issuedAt: issued,
                expiresAt: lifetime.map { issued + $0 },
                grantExpiresAt: profile.grantEnd(
                    told: response.grantLifetime,
                    hasNewToken: response.refreshToken != nil,
                    issuedAt: issued,
                    lifetime: lifetime,
                    before: nil
                )
            )
            let isRefreshable = grant.refreshToken != nil && profile.strategyImplementation != nil
            let standing: Standing = isRefreshable ? .good : .static
            let dueAt = isRefreshable ? client.due(facts, of: account) : facts.expiresAt
            let generation = present?.generation.next ?? .first
            let renewal: Renewal
            do throws(SealingError) {
                renewal = try self.renewal(
                    response.accessToken,
                    facts,
                    grant,
                    of: account,
                    generation: generation,
                    standing: standing,
                    sinks: sinks
                )
            } catch {
                throw .unavailable(account, cause: Cause.keyLost.rawValue, retryAt: nil)
            }
            let outcome = try await self.commit(
                .put(
                    account,
                    profile: profile.id,
                    replacing: present?.generation,
                    renewal,
                    dueAt: dueAt.map { $0 + self.clock.utcShift }
                )
            )
            guard case .committed(_, let revision) = outcome else { continue }
            var record = AccountRecord(
                account: account,
                client: clientID,
                profile: profile.id,
                machine: AccountMachine(standing: standing, isPaused: present?.machine.isPaused ?? false),
                generation: generation,
                facts: facts,
                dueAt: dueAt,
                failure: nil,
                deliveries: self.state.withLock { $0.record(of: account)?.deliveries } ?? []
            )
            record.awaitDelivery(to: sinks, at: now + self.clock.utcShift)
            let adopted = record
            let waiters = self.state.withLock { $0.adopt(adopted) }
            let token = Token(accessToken: response.accessToken, facts: facts, generation: generation)
            self.publisher.publish(
                Change(account: account, revision: revision, kind: present == nil ? .added(token) : .renewed(token)),
                record,
                sinks: sinks
            )
            // After the publication: whoever waited looks into the table.
            for waiter in waiters { waiter.resume() }
            if response.isBareGrant { _ = self.state.withLock { $0.ask(account) } }
            self.pump()
            self.logger.event(
                .accountAdded,
                .info,
                present == nil ? "account added" : "account authorized again",
                [LogKeys.account: "\(account)", LogKeys.client: "\(clientID)", LogKeys.generation: "\(generation)"]
            )
            return self.view(record)
        }
        throw .conflict(account)
    }

    /// Forgets an account of this generation that the store does not have (any more).
    func drop(_ account: AccountID, _ generation: Generation) {
        let (record, waiters) = self.state.withLock { state -> (AccountRecord?, [EngineState.Waiter]) in
            guard let record = state.record(of: account), record.generation == generation else { return (nil, []) }
            return (record, state.remove(account))
        }
        guard let record else { return }
        for waiter in waiters { waiter.resume() }
        self.deliverer.forget(account)
        self.publisher.publish(Change(account: account, revision: Revision(0), kind: .removed), record)
    }

    /// Refreshes now, whatever the schedule says, and waits for the end.
    package func refresh(_ account: AccountID) async throws(EngineError) -> AccountView {
        guard self.state.withLock({ $0.record(of: account) }) != nil else {
            throw self.isLoading ? .loading : .accountNotFound(account)
        }
        if self.state.withLock({ $0.ask(account) }) {
            self.pump()
            await self.attemptEnd(of: account, until: self.clock.now + Self.patience)
        }
        guard let view = self.view(of: account) else { throw .accountNotFound(account) }
        return view
    }

    /// Delivers the present token again, to one sink or to all that are given this account.
    package func deliver(_ account: AccountID, sink: String?) async throws(EngineError) -> AccountView {
        guard let record = self.state.withLock({ $0.record(of: account) }) else {
            throw self.isLoading ? .loading : .accountNotFound(account)
        }
        var sinks = self.sinks(of: record.client)
        if let sink {
            sinks = sinks.filter { $0.name == sink }
            guard !sinks.isEmpty else { throw .invalidParameter("sink") }
        }
        _ = try await self.commitExisting(.deliver(account, sinks))
        self.noteDeliveries(account, sinks)
        guard let view = self.view(of: account) else { throw .accountNotFound(account) }
        return view
    }

    /// Stops an account's schedule, or lets it go on.
    ///
    /// An attempt under way is not called back.
    package func pause(_ account: AccountID, _ isPaused: Bool) async throws(EngineError) -> AccountView {
        let outcome = try await self.commitExisting(.pause(account, isPaused))
        let now = self.clock.now
        let (record, waiters) = self.state.withLock { state in
            let result = state.pause(account, isPaused, at: now)
            // Whoever resumes an account has looked at what its lane had stopped for.
            if !isPaused, let client = result.0?.client { state.releaseLane(of: client) }
            return result
        }
        for waiter in waiters { waiter.resume() }
        guard let record, case .committed(_, let revision) = outcome else { throw .accountNotFound(account) }
        self.publisher.publish(Change(account: account, revision: revision, kind: .state), record)
        self.pump()
        return self.view(record)
    }

    func commitExisting(_ edit: AccountEdit) async throws(EngineError) -> CommitOutcome {
        guard self.state.withLock({ $0.slot(of: edit.account) }) != nil else {
            throw self.isLoading ? .loading : .accountNotFound(edit.account)
        }
        let outcome = try await self.commit(edit)
        if outcome == .notFound { throw .accountNotFound(edit.account) }
        return outcome
    }

    private func commit(_ edit: AccountEdit) async throws(EngineError) -> CommitOutcome {
        do throws(StoreError) {
            return try await self.edits.submit(edit)
        } catch {
            throw self.unavailable(edit.account, error)
        }
    }
}
