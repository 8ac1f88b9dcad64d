import KillPoints
import Logging
import OAuth
import RefreshCore
import Synchronization

// Which sinks are to have which tokens, and what the deliverer asks and tells.

extension Engine {
    /// Sees to it that every sink has, or gets, the token of each of its accounts: a sink may be new.
    ///
    /// - Parameters:
    ///   - refusedToo: Whether what a sink has refused is offered once more.
    ///   - turned: Sinks that are called now and were handed off to before, or the other way round.
    func deliverWhatIsMissing(refusedToo: Bool, turned: Set<SinkID> = []) async {
        let edits = self.state.withLock { state in
            let settings = state.settings
            return state.records.compactMap { record -> AccountEdit? in
                guard let record else { return nil }
                let kept = record.deliveries.filter { delivery in
                    (!refusedToo || delivery.state != .refused) && !turned.contains(delivery.sink)
                        && !Self.isMisplaced(delivery, in: settings)
                }
                let known = Set(kept.map(\.sink))
                let missing = Self.sinks(of: record.client, in: settings).filter { !known.contains($0) }
                return missing.isEmpty ? nil : .deliver(record.account, missing)
            }
        }
        var rest = edits[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(5_000))
            rest = rest.dropFirst(batch.count)
            do throws(StoreError) {
                _ = try await self.store.edit(batch)
            } catch {
                self.logger.warning("some sinks have to wait for the next token", metadata: ["cause": "\(error.label)"])
                return
            }
            for case .deliver(let account, let sinks) in batch { self.noteDeliveries(account, sinks) }
        }
    }

    /// The sinks that are given a client's tokens.
    static func sinks(of client: ClientID, in settings: EngineSettings) -> [SinkID] {
        settings.sinks.filter { $0.value.clients.contains(client) }.map(\.key).sorted()
    }

    func sinks(of client: ClientID) -> [SinkID] { self.state.withLock { Self.sinks(of: client, in: $0.settings) } }

    /// Writes down in memory what a commit has put into the outbox, and wakes the deliverer.
    func noteDeliveries(_ account: AccountID, _ sinks: [SinkID]) {
        let now = self.clock.now + self.clock.utcShift
        self.state.withLock { state in
            _ = state.update(account) { $0.awaitDelivery(to: sinks, at: now, again: true) }
        }
        for sink in sinks { self.deliverer.wake(account, sink) }
    }
}

extension AccountRecord {
    /// The outbox rows of the present generation, as the store makes them in the token's own transaction.
    ///
    /// A delivery that was on its way reads what is committed, so it may have brought this very generation already.
    ///
    /// - Parameters:
    ///   - sinks: Whom it is for.
    ///   - now: UTC.
    ///   - again: Whether a sink that has accepted this generation is to be given it once more.
    mutating func awaitDelivery(to sinks: [SinkID], at now: Timestamp, again: Bool = false) {
        for sink in sinks {
            let accepted = self.deliveries.first { $0.sink == sink }?.accepted
            if !again, accepted == self.generation { continue }
            self.deliveries.removeAll { $0.sink == sink }
            self.deliveries.append(
                Delivery(
                    account: self.account,
                    sink: sink,
                    state: .pending,
                    generation: self.generation,
                    accepted: accepted,
                    at: now,
                    failure: nil
                )
            )
        }
    }
}

extension Engine: DeliverySource {
    func message(for account: AccountID, sink: SinkID) async throws(StoreError) -> SinkMessage? {
        let settings = self.state.withLock { $0.settings.sinks[sink] }
        guard let settings, let record = self.state.withLock({ $0.record(of: account) }) else { return nil }
        do throws(StoreError) {
            let sealed = try await self.store.token(for: account)
            // What is in memory has its moments right; what is stored was written under another setting of the clock, perhaps.
            let facts =
                sealed.generation == record.generation
                ? record.facts : sealed.facts.shifted(by: .zero - self.clock.utcShift)
            // Brought already by a delivery that was on its way when this one was asked for (facts T13).
            let known = record.deliveries.first { $0.sink == sink }
            if known?.state == .delivered, known?.accepted == sealed.generation { return nil }
            // What has expired would only be refused; the next generation is on its way, or nobody has one.
            if let expiresAt = facts.expiresAt, expiresAt <= self.clock.now { return nil }
            let place = SealingPlace(
                store: self.storeID,
                account: account,
                column: .accessToken,
                generation: sealed.generation
            )
            guard let accessToken = try? self.sealer.open(sealed.sealed, at: place), !accessToken.isEmpty else {
                return nil
            }
            var refreshToken: Secret?
            // The grant of some is the access token itself, which goes along already.
            let isItsOwnGrant = self.state.withLock {
                $0.settings.clients[record.client]?.client.profile.strategy.spendsAccessToken ?? false
            }
            if settings.sendsRefreshToken, !isItsOwnGrant {
                refreshToken = try await self.openGrant(of: account)?.grant.refreshToken
            }
            KillPoint.beforeDelivery.pass(account.name)
            return SinkMessage(
                account: account,
                token: Token(accessToken: accessToken, facts: facts, generation: sealed.generation),
                refreshToken: refreshToken
            )
        } catch {
            if case .notFound = error { return nil }
            throw error
        }
    }

    func delivered(_ account: AccountID, _ sink: SinkID, _ generation: Generation, _ end: DeliveryEnd) async {
        KillPoint.afterDelivery.pass(account.name)
        let now = self.clock.now + self.clock.utcShift
        let old = self.state.withLock { state in
            state.record(of: account)?.deliveries.first { $0.sink == sink }
        }
        guard var delivery = old else { return }
        delivery.at = now
        delivery.generation = Swift.max(delivery.generation, generation)
        switch end {
        case .accepted:
            delivery.state = .delivered
            delivery.accepted = generation
            delivery.failure = nil
        case .handedOff:
            delivery.state = .handoff
            delivery.accepted = generation
            delivery.failure = nil
        case .refused(let cause, let message):
            delivery.state = .refused
            delivery.failure = Failure(
                cause: cause,
                message: message,
                at: now,
                retryAt: nil,
                count: (delivery.failure?.count ?? 0) + 1
            )
        case .postponed(let cause, let message, let until):
            delivery.state = .retrying
            delivery.failure = Failure(
                cause: cause,
                message: message,
                at: now,
                retryAt: until + self.clock.utcShift,
                count: (delivery.failure?.count ?? 0) + 1
            )
        }
        // Told as what it was: of the generation that went, even when a newer one is already waiting.
        var told = delivery
        told.generation = generation
        if case .postponed = end {
            // Nothing durable has changed: the row is still to be delivered.
        } else {
            // A lost acknowledgement costs one more delivery of the same token, so it is not waited for for ever.
            do throws(StoreError) {
                try await self.acknowledgements.submit(told)
            } catch {
                self.logger.warning("a delivery could not be written down", metadata: ["cause": "\(error.label)"])
            }
        }
        let record = self.state.withLock { state in
            state.update(account) { record in
                guard let index = record.deliveries.firstIndex(where: { $0.sink == sink }) else { return record }
                if record.deliveries[index].generation > generation {
                    record.deliveries[index].accepted = delivery.accepted
                } else {
                    record.deliveries[index] = delivery
                }
                return record
            }
        }
        guard let record else { return }
        self.log(account, sink, generation, end, isNew: old?.state != .retrying)
        self.publisher.publish(Change(account: account, revision: Revision(0), kind: .delivered), record)
    }

    private func log(_ account: AccountID, _ sink: SinkID, _ generation: Generation, _ end: DeliveryEnd, isNew: Bool) {
        let facts: Logger.Metadata = [
            LogKeys.account: "\(account)", LogKeys.client: "\(account.client)", LogKeys.sink: "\(sink)",
            LogKeys.generation: "\(generation)",
        ]
        switch end {
        case .accepted:
            self.logger.event(.delivered, .info, "delivered", facts)
        case .handedOff:
            // Not the event of a delivery: that one says that the sink has acknowledged it.
            self.logger.info("handed off to the account's browser", metadata: facts)
        case .refused(let cause, let message):
            let why: Logger.Metadata = [LogKeys.cause: "\(cause.rawValue)", LogKeys.reason: "\(message)"]
            self.logger.event(.deliveryRefused, .warning, "the sink refuses the token", facts.merging(why) { $1 })
        case .postponed(let cause, let message, until: _):
            let why: Logger.Metadata = [LogKeys.cause: "\(cause.rawValue)", LogKeys.reason: "\(message)"]
            // The first of a row is news; the rest is the same story.
            self.logger.event(
                .deliveryFailed,
                isNew ? .notice : .debug,
                "the sink could not take the token; it is tried again",
                facts.merging(why) { $1 }
            )
        }
    }
}
