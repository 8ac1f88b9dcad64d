import ArgumentParser
import ControlAPI

struct RemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Forget an account and its tokens."
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName

    @Flag(help: "Ask the provider to revoke the grant first.")
    var revoke = false

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let answer = try await daemon.call(
                Call.Remove(account: self.account.text, revoke: self.revoke ? true : nil)
            )
            if self.options.json { try Terminal.standardOutput.print(answer.json()) }
        }
    }
}
