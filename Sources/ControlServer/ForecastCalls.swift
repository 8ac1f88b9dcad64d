import ControlAPI
import NIOCore
import RefreshCore
import RefreshEngine
import Varlink

extension CallRouter {
    /// Steps of one answer: a table of more is nobody's to read, and each costs a look at every account.
    private static let maximumSteps = 200
    /// Thirty days; a number of seconds cannot overflow behind it.
    private static let longestPeriod: Int64 = 30 * 86_400

    func forecast(_ call: IncomingCall) throws(Refusal) -> Handling {
        try self.mayLook(call.caller)
        let period = call.arguments["period"]?.int ?? 12 * 3_600
        guard (60...Self.longestPeriod).contains(period) else { throw .varlink(.invalidParameter("period")) }
        let step = call.arguments["step"]?.int ?? max(period / 12, 1)
        guard step >= 1, step <= period, (period + step - 1) / step <= Self.maximumSteps else {
            throw .varlink(.invalidParameter("step"))
        }
        var client: ClientID?
        if let name = call.arguments["client"]?.string {
            guard let id = try? ClientID(name), self.engine.hasClient(name[...]) else {
                throw .control(.clientNotFound(client: name))
            }
            client = id
        }
        let wanted = client
        return self.work(.looks, call) { router in
            let steps = Int((period + step - 1) / step)
            let forecast = router.engine.forecast(step: .seconds(step), steps: steps, client: wanted)
            let lanes = forecast.lanes.map { lane in
                Wire.LaneForecast(
                    clients: lane.clients.map(\.name),
                    accounts: lane.accounts,
                    waiting: lane.waiting,
                    rate: lane.rate,
                    refreshes: lane.refreshes
                )
            }
            let begin = forecast.begin + router.engine.clock.utcShift
            return try VarlinkReply(ForecastReply(at: Int(begin.seconds), step: Int(step), lanes: lanes)).framed
        }
    }
}
