import ArgumentParser
import ControlAPI

struct ForecastCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forecast",
        abstract: "Show how many refreshes are to come, and how much of each client's rate they take.",
        discussion: """
            Counts what is scheduled, and what follows if every refresh goes well and the next token lives as long. \
            Clients that share an endpoint and a client id share its rate, and a row. A load over 100 % is late by then.
            """
    )

    @ParentCommand var options: Refreshctl

    @Option(help: ArgumentHelp("How far to look: 1h, 12h, 7d.", valueName: "time"))
    var period: TokenLifetime?

    @Option(help: ArgumentHelp("The length of a row's time: 5m, 1h.", valueName: "time"))
    var step: TokenLifetime?

    @Option(help: "Only this client, and those that share its rate.")
    var client: String?

    func validate() throws {
        let period = self.period?.seconds ?? 12 * 3_600
        guard period >= 60, period <= 30 * 86_400 else { throw ValidationError("--period is 1m to 30d.") }
        if let step = self.step?.seconds {
            guard step >= 1, step <= period, (period + step - 1) / step <= 200 else {
                throw ValidationError("--step must make 1 to 200 rows of the period.")
            }
        }
    }

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let call = Call.Forecast(client: self.client, period: self.period?.seconds, step: self.step?.seconds)
            let answer = try await daemon.call(call)
            let lines =
                self.options.json
                ? [try answer.json()] : self.options.output.lines(try answer.decode(ForecastReply.self))
            for line in lines { try Terminal.standardOutput.print(line) }
        }
    }
}
