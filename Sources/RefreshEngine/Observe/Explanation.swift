package import RefreshCore
import OAuth
import Synchronization

extension Engine {
    /// Why the next wake-up is when it is, in sentences for a person.
    ///
    /// - Returns: Nil when there is no such account.
    package func explanation(of account: AccountID) -> [String]? {
        let now = self.clock.now
        let (found, settings) = self.state.withLock { ($0.record(of: account), $0.settings) }
        guard let record = found else { return nil }
        func relative(_ moment: Timestamp) -> String {
            let seconds = (moment - now).milliseconds / 1_000
            return seconds >= 0 ? "in \(seconds) s" : "\(-seconds) s ago"
        }
        var lines = [
            "\(account): generation \(record.generation), profile \(record.profile), "
                + self.view(record).state.rawValue
        ]
        if let expiresAt = record.facts.expiresAt {
            let life = (expiresAt - record.facts.issuedAt).milliseconds / 1_000
            lines.append(
                "The token was issued \(relative(record.facts.issuedAt)), lives \(life) s, and ends \(relative(expiresAt))."
            )
        } else {
            lines.append("The token was issued \(relative(record.facts.issuedAt)); the provider names no end.")
        }
        guard let client = settings.clients[record.client] else {
            return lines + ["The configuration has no client \(record.client): add it again, or remove the account."]
        }
        let habit = client.habit
        lines.append(
            "A used refresh token: \(habit.rotation.rawValue); if it is sent again the provider revokes: \(habit.blast.rawValue)."
        )
        if let failure = record.failure {
            lines.append(
                "Last failure: \(failure.cause.rawValue), \(relative(failure.at)), \(failure.count) in a row: \(failure.message)."
            )
        }
        lines.append(self.next(record, client, relative))
        if let lane = self.state.withLock({ $0.laneMachine(of: record.client) }) {
            let gate = lane.closedUntil(at: now).map { "; closed, opens \(relative($0))" } ?? ""
            lines.append(
                "Its lane: \(lane.inFlight) of \(lane.limits.concurrency) under way, \(lane.queued) waiting, breaker "
                    + lane.breakerState(at: now).rawValue + gate + "."
            )
        }
        for delivery in record.deliveries {
            let reason = delivery.failure.map { ": \($0.message)" } ?? ""
            lines.append(
                "Sink \(delivery.sink): generation \(delivery.generation) \(delivery.state.rawValue)\(reason)."
            )
        }
        return lines
    }

    private func next(_ record: AccountRecord, _ client: ClientSettings, _ relative: (Timestamp) -> String) -> String {
        switch record.machine.phase {
        case .queued: return "It is due and waits in its lane."
        case .inFlight: return "A refresh is under way."
        case .committing: return "A refresh has ended and is being written down."
        case .asleep: break
        }
        if record.machine.isPaused { return "It is paused: `refreshctl resume` lets it go on." }
        guard let dueAt = record.dueAt else {
            switch record.machine.standing {
            case .needsAuthorization:
                return "Nothing is scheduled: a person must authorize again, then `refreshctl add`."
            case .inDoubt:
                return
                    "Nothing is scheduled: `refreshctl refresh` sends the refresh token again, at the risk told above."
            case .static: return "Nothing is scheduled: it cannot be refreshed."
            case .good, .retrying, .misconfigured: return "Nothing is scheduled."
            }
        }
        switch record.machine.standing {
        case .good:
            let window = client.window
            return
                "The next refresh is due \(relative(dueAt)): margin \(window.margin.milliseconds / 1_000) s, spread \(window.spread), mode \(client.mode.rawValue)."
        case .retrying, .inDoubt, .needsAuthorization, .misconfigured, .static:
            return "The next try is due \(relative(dueAt))."
        }
    }
}
