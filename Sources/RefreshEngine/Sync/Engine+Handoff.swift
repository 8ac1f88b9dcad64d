import Logging
package import RefreshCore
import Synchronization

/// A hand-off that may be offered to an account's owner: of which token, to which sink.
package struct HandoffOffer: Hashable, Sendable {
    package var account: AccountID
    package var sink: SinkID
    package var generation: Generation

    package init(account: AccountID, sink: SinkID, generation: Generation) {
        self.account = account
        self.sink = sink
        self.generation = generation
    }
}

// What is left to the account's own browser.
extension Engine {
    /// Finds what a browser may be given now; a token that ends too soon is refreshed first.
    ///
    /// - Parameters:
    ///   - account: Whose token it is.
    ///   - sink: Which of the sinks that are handed off; nil where there is one only.
    ///   - life: How long the offer stands, and so how long its token has to live.
    /// - Returns: What to keep until the browser comes.
    /// - Throws: `EngineError.invalidParameter` for a sink that is not handed off to, or not named among several;
    ///   `unavailable` for a grant that lacks what the storage key needs. Other cases as those of `token(for:atLeast:)`.
    package func offerHandoff(
        _ account: AccountID,
        sink: String?,
        for life: Duration
    ) async throws(EngineError) -> HandoffOffer {
        let token = try await self.token(for: account, atLeast: life)
        let (found, settings) = self.state.withLock { ($0.record(of: account), $0.settings) }
        guard let record = found else { throw .accountNotFound(account) }
        let sinks = Self.sinks(of: record.client, in: settings).filter { id in
            settings.sinks[id]?.handoff != nil && sink.map { id.name == $0 } ?? true
        }
        guard sinks.count == 1, let id = sinks.first, let binding = settings.sinks[id] else {
            throw .invalidParameter("sink")
        }
        if binding.refusesMissingScopes, !binding.missingScopes(record.facts, client: record.client).isEmpty {
            self.counters.countDeliveryFailure(.missingPermissions)
            throw .unavailable(account, cause: Cause.missingPermissions.rawValue, retryAt: nil)
        }
        return HandoffOffer(account: account, sink: id, generation: token.generation)
    }

    /// The address that hands the offered token over, and writes down that a browser has it.
    ///
    /// - Returns: Nil when the offer does not hold any more: another token has come, the account or the sink has gone,
    ///   or the store cannot be read.
    package func handOff(_ offer: HandoffOffer) async -> Secret? {
        guard let handoff = self.state.withLock({ $0.settings.sinks[offer.sink]?.handoff }) else { return nil }
        let address: Secret
        do {
            guard let message = try await self.message(for: offer.account, sink: offer.sink),
                message.token.generation == offer.generation
            else { return nil }
            address = try handoff.address(for: message)
        } catch let error as StoreError {
            self.logger.warning(
                "a browser was not given its token, for the store could not be read",
                metadata: [LogKeys.account: "\(offer.account)", LogKeys.cause: "\(error.label)"]
            )
            return nil
        } catch {
            return nil
        }
        self.counters.deliveries.count()
        await self.delivered(offer.account, offer.sink, offer.generation, .handedOff)
        return address
    }

    /// Whether a delivery came about in the other way than the sink has now: nothing of it holds there.
    static func isMisplaced(_ delivery: Delivery, in settings: EngineSettings) -> Bool {
        guard let binding = settings.sinks[delivery.sink] else { return false }
        switch delivery.state {
        case .delivered: return binding.handoff != nil
        case .handoff: return binding.handoff == nil
        case .pending, .retrying, .refused: return false
        }
    }
}
