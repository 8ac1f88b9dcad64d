import ArgumentParser
import ControlAPI

struct DeliverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deliver",
        abstract: "Deliver an account's token again and show it."
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName

    @Option(help: "Only to this sink; else to every sink that takes the account.")
    var sink: String?

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let answer = try await daemon.call(Call.Deliver(account: self.account.text, sink: self.sink))
            try self.options.show(answer)
        }
    }
}
