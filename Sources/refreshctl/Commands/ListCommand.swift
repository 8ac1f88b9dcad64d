import ArgumentParser
import ControlAPI

struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List accounts in the order of their names."
    )

    @ParentCommand var options: Refreshctl

    @Option(help: "Only accounts of this client.")
    var client: String?

    @Option(help: ArgumentHelp("Only accounts in this state: \(Self.states).", valueName: "state"))
    var state: Wire.AccountState?

    @Option(help: ArgumentHelp("Begin behind this name.", valueName: "account"))
    var after: String?

    @Option(help: ArgumentHelp("At most so many.", valueName: "number"))
    var limit: Int?

    private static var states: String { Wire.AccountState.allCases.map(\.rawValue).joined(separator: ", ") }

    func validate() throws {
        if let limit = self.limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
    }

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let call = Call.List(client: self.client, state: self.state?.rawValue, after: self.after, limit: self.limit)
            let output = self.options.output
            var table = Table(Output.accountHeadings, output)
            // Many lines to one write: a list can be long.
            var lines: [String] = []
            for try await answer in try daemon.replies(to: call) {
                // A call has an answer even where nothing matches; that one holds no account.
                guard answer.has("account") else { continue }
                if self.options.json {
                    lines.append(try answer.json("account"))
                } else {
                    lines += table.add(output.row(try answer.decode(AccountReply.self).account))
                }
                if lines.count >= 100 {
                    try Terminal.standardOutput.print(lines.joined(separator: "\n"))
                    lines = []
                }
            }
            lines += table.finish()
            if !lines.isEmpty { try Terminal.standardOutput.print(lines.joined(separator: "\n")) }
        }
    }
}

extension Wire.AccountState: ExpressibleByArgument {}
