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
        lines.append(client.habit.sentence)
        for entry in self.attempts.entries(of: account) {
            let sent =
                entry.sentAt.map { "sent whole \(relative($0))" } ?? "the last byte never left"
            let took = (entry.endedAt - entry.startedAt).milliseconds
            lines.append(
                "Attempt from generation \(entry.generation), \(relative(entry.startedAt)), \(took) ms: \(sent); came back: \(entry.outcome)."
            )
        }
        if let failure = record.failure {
            lines.append(
                "Last failure: \(failure.cause.rawValue), \(relative(failure.at)), \(failure.count) in a row: \(failure.message)."
            )
        }
        lines.append(self.belief(record, client.habit, relative))
        lines.append(self.next(record, client, relative))
        if let lane = self.state.withLock({ $0.laneMachine(of: record.client) }) {
            let why = lane.stop(at: now).map { " (\($0.sentence))" } ?? ""
            let gate = lane.closedUntil(at: now).map { "; closed, opens \(relative($0))" } ?? ""
            lines.append(
                "Its lane: \(lane.inFlight) of \(lane.limits.concurrency) under way, \(lane.queued) waiting, breaker "
                    + lane.breakerState(at: now).rawValue + gate + why + "."
            )
            if let stop = lane.stop(at: now) {
                let ending = self.endingTokens(of: record.client, stop)
                let own = record.facts.expiresAt.map { end in stop.until.map { end < $0 } ?? true } ?? false
                if ending > 0 {
                    lines.append(
                        "Tokens of this lane that end before it opens: \(ending)"
                            + (own ? ", this one among them." : ".")
                    )
                }
            }
        }
        if let probeAt = self.state.withLock({ $0.journalProbeAt }), client.habit.rotation.spends {
            lines.append(
                "The attempt journal refuses writes, so nothing of this kind is spent; it is tried again \(relative(probeAt))."
            )
        }
        if self.state.withLock({ $0.isStoreFailing }) {
            lines.append("The store refuses commits, so nothing is spent before it takes them again.")
        }
        for delivery in record.deliveries {
            let reason = delivery.failure.map { ": \($0.message)" } ?? ""
            lines.append(
                "Sink \(delivery.sink): generation \(delivery.generation) \(delivery.state.rawValue)\(reason)."
            )
        }
        lines.append("To do: " + self.advice(record, client))
        return lines
    }

    /// What is known of the refresh token.
    private func belief(
        _ record: AccountRecord,
        _ habit: RotationHabit,
        _ relative: (Timestamp) -> String
    ) -> String {
        let doubt = record.machine.doubt
        switch record.machine.standing {
        case .good, .retrying:
            return "The grant is believed good: no attempt on it has ended unknown."
        case .inDoubt:
            guard let doubt else {
                return "The grant is in doubt: its refresh token may have been used since it was stored."
            }
            let since = "\(doubt.unknowns) sent without an answer, the first \(relative(doubt.since))"
            guard habit.rotation == .grace else {
                return "The grant is in doubt: \(since); the provider may have used the refresh token up."
            }
            return
                "The grant is in doubt: \(since); the provider takes the old refresh token until \(relative(doubt.since + habit.grace))."
        case .needsAuthorization:
            return "The grant is believed dead: \(record.failure?.cause.rawValue ?? Cause.revoked.rawValue)."
        case .misconfigured: return "The grant is believed good; the provider refuses the client."
        case .static: return "There is no grant to refresh with."
        }
    }

    /// What a person should do now.
    private func advice(_ record: AccountRecord, _ client: ClientSettings) -> String {
        let account = record.account
        if record.machine.isPaused { return "`refreshctl resume \(account)` when it shall go on." }
        switch record.machine.standing {
        case .good, .static, .retrying: return "nothing."
        case .misconfigured:
            return "compare client_id, secret and endpoint of client \(client.client.id) with the provider's; reload."
        case .needsAuthorization:
            return "have the user authorize again: on your site, or with `refreshctl authorize \(account)`."
        case .inDoubt:
            guard record.dueAt == nil else { return "nothing; it is tried again by itself." }
            let risk =
                client.habit.blast == .clientUser
                ? "if the old one was used, the provider may revoke every grant of this user"
                : "if the old one was used, the grant ends"
            return
                "either `refreshctl refresh \(account)`, which sends the refresh token once more (\(risk)), or have the user authorize again."
        }
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
                return "Nothing is scheduled: a person must authorize again."
            case .inDoubt:
                return
                    "Nothing is scheduled: `refreshctl refresh` sends the refresh token again, at the risk told above."
            case .static: return "Nothing is scheduled: it cannot be refreshed."
            case .good, .retrying, .misconfigured: return "Nothing is scheduled."
            }
        }
        if record.machine.standing == .static {
            return "It cannot be refreshed; when it ends, \(relative(dueAt)), a person must authorize again."
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

extension RotationHabit {
    /// What the provider does with a used refresh token, for people.
    fileprivate var sentence: String {
        let use =
            switch self.rotation {
            case .none: "stays good after use"
            case .parallel: "stays good after use, though a new one comes"
            case .grace: "stays good for \(self.grace.milliseconds / 1_000) s after use"
            case .onUse: "ends when the new token is first used"
            case .singleUse: "can be used once"
            case .unknown: "is treated as one that can be used once, for nobody knows"
            }
        let blast =
            switch self.blast {
            case .none: "nothing else ends"
            case .family: "this grant ends"
            case .clientUser: "every grant of the user at this client ends"
            }
        let tokens = self.reuseEndsTokens ? ", and its living tokens with it" : ""
        return "A refresh token of this provider \(use); if a used one is sent again, \(blast)\(tokens)."
    }
}
