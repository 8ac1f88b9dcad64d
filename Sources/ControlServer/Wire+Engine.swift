import ControlAPI
import RefreshCore
import RefreshEngine

// From the engine's views to the frozen types of the wire. The words of the enums are the contract's on both sides;
// what one side has and the other lacks would be a new word, so the switches have no default.

extension Wire.Account {
    init(_ view: AccountView) {
        self.init(
            account: view.account.name,
            client: String(view.account.client),
            profile: view.profile,
            state: Wire.AccountState(view.state),
            generation: Int(view.generation.number),
            scope: view.facts.scope,
            missingScope: view.missingScope,
            issuedAt: Int(view.facts.issuedAt.seconds),
            expiresAt: view.facts.expiresAt.map { Int($0.seconds) },
            refreshAt: view.refreshAt.map { Int($0.seconds) },
            grantExpiresAt: view.facts.grantExpiresAt.map { Int($0.seconds) },
            failure: view.failure.map(Wire.Failure.init),
            deliveries: view.deliveries.map(Wire.Delivery.init)
        )
    }
}

extension Wire.Failure {
    init(_ failure: Failure) {
        self.init(
            cause: failure.cause.rawValue,
            message: failure.message,
            at: Int(failure.at.seconds),
            retryAt: failure.retryAt.map { Int($0.seconds) },
            count: failure.count
        )
    }
}

extension Wire.Delivery {
    init(_ view: DeliveryView) {
        self.init(
            sink: view.delivery.sink.name,
            storageKey: view.storageKey,
            state: Wire.DeliveryState(view.delivery.state),
            generation: view.delivery.accepted.map { Int($0.number) },
            at: Int(view.delivery.at.seconds),
            failure: view.delivery.failure.map(Wire.Failure.init)
        )
    }
}

extension Wire.Event {
    init(_ event: Event) {
        self.init(
            kind: Wire.EventKind(event.kind),
            account: Wire.Account(event.account),
            at: Int(event.at.seconds)
        )
    }
}

extension Wire.Status {
    init(_ status: EngineStatus, _ facts: DaemonFacts) {
        self.init(
            version: facts.version,
            state: facts.state(),
            pid: Int(facts.pid),
            startedAt: Int(facts.startedAt.seconds),
            accounts: status.accounts,
            byState: Dictionary(uniqueKeysWithValues: status.byState.map { ($0.key.rawValue, $0.value) }),
            dueNextMinute: status.dueNextMinute,
            nextRefreshAt: status.nextRefreshAt.map { Int($0.seconds) },
            deliveriesPending: status.deliveriesPending,
            clients: status.clients.map { client in
                Wire.Client(
                    client: client.client.name,
                    profile: client.profile,
                    accounts: client.accounts,
                    inFlight: client.inFlight,
                    closedUntil: client.closedUntil.map { Int($0.seconds) },
                    breaker: Wire.BreakerState(client.breaker)
                )
            }
        )
    }
}

extension Wire.AccountState {
    init(_ state: AccountState) {
        switch state {
        case .fresh: self = .fresh
        case .refreshing: self = .refreshing
        case .retrying: self = .retrying
        case .inDoubt: self = .inDoubt
        case .needsAuthorization: self = .needsAuthorization
        case .misconfigured: self = .misconfigured
        case .static: self = .static
        case .paused: self = .paused
        }
    }
}

extension Wire.DeliveryState {
    init(_ state: Delivery.State) {
        switch state {
        case .pending: self = .pending
        case .delivered: self = .delivered
        case .retrying: self = .retrying
        case .refused: self = .refused
        case .handoff: self = .handoff
        }
    }
}

extension Wire.EventKind {
    init(_ kind: Event.Kind) {
        switch kind {
        case .added: self = .added
        case .renewed: self = .renewed
        case .delivered: self = .delivered
        case .failed: self = .failed
        case .state: self = .state
        case .removed: self = .removed
        }
    }
}

extension Wire.BreakerState {
    init(_ state: Breaker.State) {
        switch state {
        case .closed: self = .closed
        case .open: self = .open
        case .halfOpen: self = .halfOpen
        }
    }
}
