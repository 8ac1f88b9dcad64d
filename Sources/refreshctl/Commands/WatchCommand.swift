import ArgumentParser
import ControlAPI

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Print events as they happen, until interrupted."
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "Only this account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName?

    @Option(help: "Only accounts of this client.")
    var client: String?

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let output = self.options.output
            for try await answer in try daemon.replies(to: Call.Watch(client: self.client, account: self.account?.text))
            {
                let line =
                    self.options.json
                    ? try answer.json("event") : output.line(try answer.decode(EventReply.self).event)
                try Terminal.standardOutput.print(line)
            }
        }
    }
}
