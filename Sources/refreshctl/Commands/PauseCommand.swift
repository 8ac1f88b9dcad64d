import ArgumentParser
import ControlAPI

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop refreshing an account until it is resumed."
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let answer = try await daemon.call(Call.Pause(account: self.account.text))
            try self.options.show(answer)
        }
    }
}
