import ArgumentParser
import ControlAPI

struct RemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Forget an account and its tokens.",
        discussion: """
            With --revoke the provider ends the grant first. It is asked again for up to half a minute; if it cannot be \
            done the account stays, and the reason is told. Without --revoke the provider is told nothing: the tokens \
            live on until they expire there.
            """
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName

    @Flag(help: "Have the provider revoke the grant first.")
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
