import RefreshCore

/// Commit → table, watchers, deliverer: the only place from which clients and sinks are told anything.
///
/// What it is given has been committed. So a crash loses no rotation that anybody has seen.
struct Publisher: Sendable {
    let clock: any WallClock
    let table: TokenTable
    let watchers: Watchers
    let deliverer: Deliverer
    let view: @Sendable (AccountRecord) -> AccountView

    /// - Parameters:
    ///   - change: What was committed.
    ///   - record: The account as it is now.
    ///   - sinks: Whom the change is for.
    func publish(_ change: Change, _ record: AccountRecord, sinks: [SinkID] = []) {
        switch change.kind {
        case .added(let token) where token.accessToken.isEmpty, .renewed(let token) where token.accessToken.isEmpty:
            // A grant alone: nothing to serve until it is refreshed, and what was served before is not its own.
            self.table.remove(change.account)
        case .added(let token), .renewed(let token):
            let rendered = RenderedToken(
                account: change.account,
                token: token,
                utcShift: self.clock.utcShift,
                warning: record.warning
            )
            self.table.publish(rendered)
        case .failed, .state:
            self.table.warn(change.account, record.warning)
        case .delivered:
            break
        case .removed:
            self.table.remove(change.account)
        }
        for sink in sinks { self.deliverer.wake(change.account, sink) }
        self.tell(change.kind.event, record)
    }

    private func tell(_ kind: Event.Kind, _ record: AccountRecord) {
        guard !self.watchers.isEmpty else { return }
        let now = self.clock.now + self.clock.utcShift
        self.watchers.notify(Event(kind: kind, account: self.view(record), at: now))
    }
}

extension Change.Kind {
    fileprivate var event: Event.Kind {
        switch self {
        case .added: .added
        case .renewed: .renewed
        case .failed: .failed
        case .state: .state
        case .delivered: .delivered
        case .removed: .removed
        }
    }
}
