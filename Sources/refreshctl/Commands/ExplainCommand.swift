import ArgumentParser
import ControlAPI

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say why an account is in its state, and when what happens next."
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let answer = try await daemon.call(Call.Explain(account: self.account.text))
            let lines =
                self.options.json
                ? [try answer.json()] : try answer.decode(ExplainReply.self).lines.map(\.escaped)
            for line in lines { try Terminal.standardOutput.print(line) }
        }
    }
}
