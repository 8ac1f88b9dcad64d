extension Call {
    package struct Forecast: ControlCall {
        package typealias Reply = ForecastReply
        package static let method = "Forecast"

        /// Absent: all.
        package var client: String?
        /// How far to look, in seconds; a multiple of the step is answered.
        ///
        /// Absent: twelve hours.
        package var period: Int?
        /// In seconds.
        ///
        /// Absent: a twelfth of the period.
        package var step: Int?

        package init(client: String? = nil, period: Int? = nil, step: Int? = nil) {
            self.client = client
            self.period = period
            self.step = step
        }
    }
}

extension Wire {
    /// The refreshes to come of clients that share an endpoint and its limit.
    package struct LaneForecast: Codable, Hashable, Sendable {
        package var clients: [String]
        package var accounts: Int
        /// Accounts whose turn it is now.
        package var waiting: Int
        /// The most requests a second; absent for no limit.
        package var rate: Double?
        /// One number for each step.
        package var refreshes: [Int]

        package init(clients: [String], accounts: Int, waiting: Int, rate: Double? = nil, refreshes: [Int]) {
            self.clients = clients
            self.accounts = accounts
            self.waiting = waiting
            self.rate = rate
            self.refreshes = refreshes
        }
    }
}

/// Answers `Forecast`.
package struct ForecastReply: Codable, Hashable, Sendable {
    /// When the first step begins.
    package var at: Int
    /// In seconds.
    package var step: Int
    package var lanes: [Wire.LaneForecast]

    package init(at: Int, step: Int, lanes: [Wire.LaneForecast]) {
        self.at = at
        self.step = step
        self.lanes = lanes
    }
}
