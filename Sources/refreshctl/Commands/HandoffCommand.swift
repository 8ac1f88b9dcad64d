import ArgumentParser
import ControlAPI

struct HandoffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "handoff",
        abstract: "Issue a path that hands an account's token to a sink, once, through its owner's browser.",
        discussion: """
            The site's page loads the path through the site's own proxy, from refreshd's hand-off socket. \
            It is good for one minute.
            """
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName

    @Option(help: "To this sink; needed only where several are handed off to.")
    var sink: String?

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let answer = try await daemon.call(Call.IssueHandoff(account: self.account.text, sink: self.sink))
            try Terminal.standardOutput.print(
                self.options.json ? answer.json() : answer.decode(IssueHandoffReply.self).path.escaped
            )
        }
    }
}
