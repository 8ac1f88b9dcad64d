import ArgumentParser
import ControlAPI

struct MetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print all metrics as OpenMetrics text."
    )

    @ParentCommand var options: Refreshctl

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let answer = try await daemon.call(Call.Metrics())
            if self.options.json {
                try Terminal.standardOutput.print(answer.json())
            } else {
                let text = try answer.decode(MetricsReply.self).openmetrics
                // A scraper's file must be the daemon's text to the byte; only a terminal needs protection.
                let isTerminal = Terminal.standardOutput.isTerminal
                try Terminal.standardOutput.writeAll(isTerminal ? Self.escapedLines(text) : text)
            }
        }
    }

    private static func escapedLines(_ text: String) -> String {
        text.split(separator: "\n").map { String($0).escaped + "\n" }.joined()
    }
}
