import ControlAPI

extension Output {
    static let accountHeadings = ["ACCOUNT", "STATE", "EXPIRES", "REFRESH", "GENERATION", "NOTE"]

    /// The account as a row under `accountHeadings`.
    func row(_ account: Wire.Account) -> [Cell] {
        [
            Cell(account.account.escaped), self.state(account.state), Cell(self.time(account.expiresAt)),
            Cell(self.time(account.refreshAt)), Cell("\(account.generation)"), Cell(self.note(account)),
        ]
    }

    func state(_ state: Wire.AccountState) -> Cell {
        let colour: Colour =
            switch state {
            case .fresh: .green
            case .refreshing: .cyan
            case .retrying, .inDoubt: .yellow
            case .needsAuthorization, .misconfigured: .red
            case .static, .paused: .dim
            }
        return Cell(state.rawValue, colour)
    }

    /// What a person should know besides the state: the failure, permissions that are missing, sinks in trouble.
    private func note(_ account: Wire.Account) -> String {
        var notes: [String] = []
        if let failure = account.failure { notes.append("\(failure.cause): \(failure.message)".escaped) }
        if !account.missingScope.isEmpty {
            notes.append("missing: \(account.missingScope.joined(separator: " "))".escaped)
        }
        for delivery in account.deliveries where [.retrying, .refused].contains(delivery.state) {
            notes.append("\(delivery.sink) \(delivery.state.rawValue)".escaped)
        }
        return notes.isEmpty ? "-" : notes.joined(separator: "; ")
    }

    /// Everything about one account, a fact a line, its deliveries below.
    func lines(_ account: Wire.Account) -> [String] {
        var facts: [(String, Cell)] = [
            ("account", Cell(account.account.escaped, .bold)),
            ("client", Cell("\(account.client) (\(account.profile))".escaped)),
            ("state", self.state(account.state)),
            ("generation", Cell("\(account.generation)")),
            ("scope", Cell(account.scope.isEmpty ? "-" : account.scope.joined(separator: " ").escaped)),
        ]
        if !account.missingScope.isEmpty {
            facts.append(("missing scope", Cell(account.missingScope.joined(separator: " ").escaped, .red)))
        }
        facts += [
            ("issued", Cell(self.time(account.issuedAt))), ("expires", Cell(self.time(account.expiresAt))),
            ("next refresh", Cell(self.time(account.refreshAt))),
            ("grant expires", Cell(self.time(account.grantExpiresAt))),
        ]
        if let failure = account.failure {
            facts += [
                ("failure", Cell("\(failure.cause): \(failure.message)".escaped, .yellow)),
                ("failed", Cell("\(self.time(failure.at)), \(failure.count) in a row")),
                ("next try", Cell(self.time(failure.retryAt))),
            ]
        }
        var lines = self.lines(facts)
        if !account.deliveries.isEmpty {
            lines.append("")
            lines += Table.lines(
                ["SINK", "STORAGE KEY", "STATE", "GENERATION", "WHEN", "NOTE"],
                account.deliveries.map(self.row),
                self
            )
        }
        return lines
    }

    private func row(_ delivery: Wire.Delivery) -> [Cell] {
        let colour: Colour =
            switch delivery.state {
            case .delivered: .green
            case .pending, .handoff: .cyan
            case .retrying: .yellow
            case .refused: .red
            }
        return [
            Cell(delivery.sink.escaped), Cell(delivery.storageKey?.escaped ?? "-"),
            Cell(delivery.state.rawValue, colour), Cell(delivery.generation.map { "\($0)" } ?? "-"),
            Cell(self.time(delivery.at)),
            Cell(delivery.failure.map { "\($0.cause): \($0.message)".escaped } ?? "-"),
        ]
    }

    /// Names and values, the values in one column; a tab between them without a terminal.
    func lines(_ facts: [(String, Cell)]) -> [String] {
        let width = facts.map(\.0.count).max() ?? 0
        return facts.map { name, value in
            let gap = self.isTerminal ? String(repeating: " ", count: width - name.count + 2) : "\t"
            return name + gap + self.painted(value)
        }
    }

    /// One event, on a line of its own: it must be readable the moment it happens, so nothing is aligned to what follows.
    func line(_ event: Wire.Event) -> String {
        let colour: Colour? =
            switch event.kind {
            case .added, .renewed, .delivered: .green
            case .failed: .red
            case .state: .yellow
            case .removed: .dim
            }
        let kind = event.kind.rawValue
        let cells = [
            Cell(Self.timestamp(event.at), .dim),
            Cell(self.isTerminal ? kind + String(repeating: " ", count: max(0, 9 - kind.count)) : kind, colour),
            Cell(event.account.account.escaped), self.state(event.account.state), Cell(self.note(event.account)),
        ]
        return cells.map(self.painted).joined(separator: self.isTerminal ? "  " : "\t")
    }
}
