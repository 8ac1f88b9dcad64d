package import RefreshCore
import Synchronization
import Logging
import OAuth

// What the edge may look at.
extension Engine {
    /// How long a caller is kept waiting for a refresh.
    package static let patience: Duration = .seconds(30)

    /// What every token that is handed out lives for at least, so that it does not end on the way to the reader.
    package static let leastLife: Duration = .seconds(1)

    /// A token that lives for longer than asked for; waits for a refresh, or starts one, where the present one does not.
    ///
    /// A caller that goes away does not cancel the refresh it waited for.
    ///
    /// - Parameters:
    ///   - account: Whose token it is.
    ///   - minimum: How long it must live; nil for any living token.
    /// - Returns: The rendered reply. A token that is as young as can be, and still lives for less than asked for,
    ///   comes with a warning.
    /// - Throws: `EngineError.needsAuthorization` when only a person can help, `unavailable` when no token comes in
    ///   time. Other cases as they say.
    package func token(for account: AccountID, atLeast minimum: Duration?) async throws(EngineError) -> RenderedToken {
        let wanted = Swift.max(minimum ?? Self.leastLife, Self.leastLife)
        let deadline = self.clock.now + Self.patience
        let first = self.state.withLock { $0.record(of: account)?.generation }
        while true {
            let now = self.clock.now
            let (record, isLoading) = self.state.withLock { ($0.record(of: account), $0.isLoading) }
            let token = self.table.token(for: account)
            if let token, token.lives(wanted, from: now) { return token }
            guard let record else { throw isLoading ? .loading : .accountNotFound(account) }
            if let token, token.lives(Self.leastLife, from: now),
                record.generation != first || self.isBest(record, for: wanted, now)
            {
                return token.warning("the token lives for less than was asked for; the provider gives no longer ones")
            }
            let retryAt = record.dueAt.map { $0 + self.clock.utcShift }
            let cause = record.failure?.cause.rawValue
            if record.machine.phase == .asleep {
                if record.machine.isPaused { throw .unavailable(account, cause: "paused", retryAt: nil) }
                switch record.machine.standing {
                case .needsAuthorization:
                    throw .needsAuthorization(account, cause: cause ?? Cause.revoked.rawValue)
                case .static:
                    throw .needsAuthorization(account, cause: "expired")
                case .misconfigured, .inDoubt, .retrying:
                    guard let dueAt = record.dueAt, dueAt < deadline else {
                        throw .unavailable(account, cause: cause ?? Cause.network.rawValue, retryAt: retryAt)
                    }
                    // It is tried again soon by itself; asking would only make the wait shorter than the provider wants.
                    if dueAt > now {
                        try? await self.clock.sleep(until: dueAt, tolerance: nil)
                        if Task.isCancelled { throw .unavailable(account, cause: cause ?? "", retryAt: retryAt) }
                        continue
                    }
                case .good:
                    break
                }
                guard self.state.withLock({ $0.ask(account) }) else {
                    throw .unavailable(account, cause: Cause.clientRejected.rawValue, retryAt: nil)
                }
                self.pump()
            }
            // At the end of service nobody waits: nothing starts any more.
            guard now < deadline, !Task.isCancelled, !self.isDraining else {
                throw .unavailable(account, cause: cause ?? Cause.timeout.rawValue, retryAt: retryAt)
            }
            await self.attemptEnd(of: account, until: deadline)
        }
    }

    /// Whether this token is new and never lived for as long as is wanted, so that another would not either, or is too
    /// young for the provider to give another.
    private func isBest(_ record: AccountRecord, for wanted: Duration, _ now: Timestamp) -> Bool {
        guard record.machine.phase == .asleep, let expiresAt = record.facts.expiresAt else { return false }
        let client = self.state.withLock { $0.settings.clients[record.client] }
        if let earliest = client?.client.profile.earliestRefresh(record.facts), earliest > now { return true }
        let life = expiresAt - record.facts.issuedAt
        return wanted >= life && now - record.facts.issuedAt < Swift.min(RefreshWindow.floor, life / 2)
    }

    /// Waits for the end of the attempt that is queued or under way; returns at once when there is none.
    func attemptEnd(of account: AccountID, until deadline: Timestamp) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.attemptEnd(of: account) }
            group.addTask { try? await self.clock.sleep(until: deadline, tolerance: nil) }
            await group.next()
            group.cancelAll()
        }
    }

    private func attemptEnd(of account: AccountID) async {
        let number = Mutex<Int?>(nil)
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let own = self.state.withLock { $0.isDraining ? nil : $0.wait(for: account, continuation) }
                guard let own else {
                    continuation.resume()
                    return
                }
                number.withLock { $0 = own }
                // Cancelled before the number was there to be found.
                if Task.isCancelled { self.state.withLock { $0.leave(account, own) }?.resume() }
            }
        } onCancel: {
            guard let own = number.withLock({ $0 }) else { return }
            self.state.withLock { $0.leave(account, own) }?.resume()
        }
    }

    // MARK: Views

    package func view(of account: AccountID) -> AccountView? {
        self.state.withLock { $0.record(of: account) }.map { self.view($0) }
    }

    /// A page of accounts in the order of their names.
    ///
    /// - Returns: The views, and the name after which the next page begins; nil after the last page.
    package func views(
        after: AccountID?,
        limit: Int
    ) async throws(EngineError) -> (views: [AccountView], next: AccountID?) {
        do throws(StoreError) {
            let page = try await self.store.accounts(after: after, limit: limit)
            let records = self.state.withLock { state in page.map { state.record(of: $0.account) } }
            return (records.compactMap { $0.map { self.view($0) } }, page.count < limit ? nil : page.last?.account)
        } catch {
            throw self.unavailable(after, error)
        }
    }

    func unavailable(_ account: AccountID?, _ error: StoreError) -> EngineError {
        switch error {
        case .notFound(let account): return .accountNotFound(account)
        case .unavailable(let detail), .corrupt(_, let detail):
            self.logger.warning("the store could not answer", metadata: [LogKeys.reason: "\(detail)"])
            guard let account else { return .loading }
            return .unavailable(account, cause: Cause.storeUnavailable.rawValue, retryAt: nil)
        }
    }

    /// What may be told of a record; every moment becomes UTC.
    func view(_ record: AccountRecord) -> AccountView {
        let shift = self.clock.utcShift
        let settings = self.state.withLock { $0.settings }
        var missing: [String] = []
        for sink in Engine.sinks(of: record.client, in: settings) {
            for scope in settings.sinks[sink]?.missingScopes(record.facts, client: record.client) ?? []
            where !missing.contains(scope) { missing.append(scope) }
        }
        let isOrphan = settings.clients[record.client] == nil
        var failure = record.failure?.shifted(by: shift)
        if isOrphan {
            failure = Failure(
                cause: .clientRejected,
                message: "the configuration has no client \(record.client)",
                at: record.facts.issuedAt + shift,
                retryAt: nil,
                count: 1
            )
        }
        return AccountView(
            account: record.account,
            profile: record.profile,
            state: AccountState(
                standing: isOrphan ? .misconfigured : record.machine.standing,
                isPaused: record.machine.isPaused,
                isRefreshing: record.machine.isRefreshing
            ),
            generation: record.generation,
            facts: record.facts.shifted(by: shift),
            missingScope: missing,
            // That of a static one is the moment it is told to have ended.
            refreshAt: record.machine.isPaused || record.machine.standing == .static || isOrphan
                ? nil : record.dueAt.map { $0 + shift },
            failure: failure,
            deliveries: record.deliveries.map {
                DeliveryView(delivery: $0, storageKey: settings.sinks[$0.sink]?.storageKeys[record.client])
            }
        )
    }

    package var status: EngineStatus {
        let now = self.clock.now
        let shift = self.clock.utcShift
        let pending = self.deliverer.pending
        return self.state.withLock { state in
            var byState: [AccountState: Int] = [:]
            var byClient: [ClientID: Int] = [:]
            for case let record? in state.records {
                let standing = state.settings.clients[record.client] == nil ? .misconfigured : record.machine.standing
                let shown = AccountState(
                    standing: standing,
                    isPaused: record.machine.isPaused,
                    isRefreshing: record.machine.isRefreshing
                )
                byState[shown, default: 0] += 1
                byClient[record.client, default: 0] += 1
            }
            return EngineStatus(
                accounts: state.count,
                byState: byState,
                dueNextMinute: state.dueCount(before: now + .seconds(60)),
                nextRefreshAt: state.nextDue.map { $0 + shift },
                deliveriesPending: pending,
                clients: state.settings.clients.keys.sorted().map { client in
                    let lane = state.laneMachine(of: client)
                    return EngineStatus.Client(
                        client: client,
                        profile: state.settings.clients[client]?.client.profile.id ?? "",
                        accounts: byClient[client] ?? 0,
                        inFlight: lane?.inFlight ?? 0,
                        closedUntil: lane?.closedUntil(at: now).map { $0 + shift },
                        breaker: lane?.breakerState(at: now) ?? .closed
                    )
                }
            )
        }
    }

    /// Whether an account name's client is configured.
    package func hasClient(_ name: Substring) -> Bool {
        guard let client = try? ClientID(String(name)) else { return false }
        return self.state.withLock { $0.settings.clients[client] != nil }
    }
}
