import ControlAPI

extension Output {
    /// The daemon as a whole, its clients below.
    func lines(_ status: Wire.Status) -> [String] {
        let daemon = "\(status.state.rawValue), version \(status.version.escaped), pid \(status.pid)"
        let states = Wire.AccountState.allCases.compactMap { state -> String? in
            guard let count = status.byState[state.rawValue], count > 0 else { return nil }
            return "\(count) \(state.rawValue)"
        }
        let accounts = "\(status.accounts)" + (states.isEmpty ? "" : " (\(states.joined(separator: ", ")))")
        var lines = self.lines([
            ("refreshd", Cell(daemon, status.state == .ready ? .green : .yellow)),
            ("started", Cell(self.time(status.startedAt))),
            ("accounts", Cell(accounts)),
            ("next refresh", Cell("\(self.time(status.nextRefreshAt)), \(status.dueNextMinute) due within a minute")),
            ("deliveries", Cell("\(status.deliveriesPending) pending")),
        ])
        if !status.clients.isEmpty {
            lines.append("")
            lines += Table.lines(
                ["CLIENT", "PROFILE", "ACCOUNTS", "IN FLIGHT", "BREAKER", "CLOSED UNTIL"],
                status.clients.map(self.row),
                self
            )
        }
        return lines
    }

    private func row(_ client: Wire.Client) -> [Cell] {
        let colour: Colour =
            switch client.breaker {
            case .closed: .green
            case .halfOpen: .yellow
            case .open: .red
            }
        return [
            Cell(client.client.escaped), Cell(client.profile.escaped), Cell("\(client.accounts)"),
            Cell("\(client.inFlight)"), Cell(client.breaker.rawValue, colour), Cell(self.time(client.closedUntil)),
        ]
    }
}
