import ArgumentParser
import ControlAPI

struct RefreshCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh",
        abstract: "Refresh an account now and show it."
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let answer = try await daemon.call(Call.Refresh(account: self.account.text))
            try self.options.show(answer)
        }
    }
}
