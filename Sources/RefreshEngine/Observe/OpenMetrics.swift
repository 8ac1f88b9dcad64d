import RefreshCore

extension Counters {
    /// OpenMetrics text: counters, then the gauges of the present status.
    ///
    /// Labels come from closed sets only.
    package func openMetrics(status: EngineStatus) -> String {
        var text = ""
        func family(_ name: String, _ kind: String, _ help: String, _ samples: [(labels: String, value: Int)]) {
            text += "# TYPE \(name) \(kind)\n# HELP \(name) \(help)\n"
            let suffix = kind == "counter" ? "_total" : ""
            for sample in samples { text += "\(name)\(suffix)\(sample.labels) \(sample.value)\n" }
        }
        family("refreshd_attempts", "counter", "Requests to token endpoints.", [("", self.attempts.value)])
        family("refreshd_renewals", "counter", "New tokens committed.", [("", self.renewals.value)])
        family(
            "refreshd_failures",
            "counter",
            "Attempts without a new token.",
            Cause.allCases.map { ("{cause=\"\($0.rawValue)\"}", self.failuresByCause[$0] ?? 0) }
        )
        family("refreshd_deliveries", "counter", "Tokens that a sink accepted.", [("", self.deliveries.value)])
        family(
            "refreshd_delivery_failures",
            "counter",
            "Deliveries that a sink did not accept.",
            Cause.allCases.map { ("{cause=\"\($0.rawValue)\"}", self.deliveryFailuresByCause[$0] ?? 0) }
        )
        family("refreshd_tokens_served", "counter", "Answers to GetToken.", [("", self.tokensServed.value)])
        family("refreshd_wake_ups", "counter", "Times the timer fired.", [("", self.wakeUps.value)])
        family("refreshd_commits", "counter", "Transactions of the store.", [("", self.commits.value)])
        family(
            "refreshd_accounts",
            "gauge",
            "Accounts by state.",
            AccountState.allCases.map { ("{state=\"\($0.rawValue)\"}", status.byState[$0] ?? 0) }
        )
        family("refreshd_deliveries_pending", "gauge", "Deliveries under way.", [("", status.deliveriesPending)])
        family(
            "refreshd_in_flight",
            "gauge",
            "Requests under way by client.",
            status.clients.map { ("{client=\"\($0.client.name)\"}", $0.inFlight) }
        )
        return text + "# EOF\n"
    }
}
