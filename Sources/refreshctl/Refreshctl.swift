import ArgumentParser
import ControlAPI
import Glibc

/// The command line to a running refreshd.
@main
struct Refreshctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refreshctl",
        abstract: "Look at refreshd and tell it what to do.",
        discussion: """
            An account is named CLIENT/SUBJECT, for example gdrive/alice@example.com.

            Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 daemon not reachable, \
            4 needs authorization, 5 not allowed.
            """,
        subcommands: [
            StatusCommand.self, ListCommand.self, ShowCommand.self, TokenCommand.self, AddCommand.self,
            ImportCommand.self, AuthorizeCommand.self, RefreshCommand.self, DeliverCommand.self, PauseCommand.self,
            ResumeCommand.self,
            RemoveCommand.self, WatchCommand.self, ExplainCommand.self, ForecastCommand.self, MetricsCommand.self,
            ReloadCommand.self, HandoffCommand.self, BackupCommand.self, RekeyCommand.self, CompletionsCommand.self,
        ]
    )

    @Option(help: ArgumentHelp("The daemon's socket.", valueName: "path"), completion: .file())
    var socket: String = Self.defaultSocket

    @Flag(help: "Print the interface's own objects as JSON, one a line.")
    var json = false

    /// `REFRESHD_SOCKET`, else where the unit file puts it.
    private static var defaultSocket: String {
        guard let value = unsafe getenv("REFRESHD_SOCKET") else { return "/run/refreshd/control.sock" }
        let path = unsafe String(cString: value)
        return path.isEmpty ? "/run/refreshd/control.sock" : path
    }

    static func main() async {
        Glibc.exit(await Self.main(CommandLine.arguments.dropFirst().map(\.self)).rawValue)
    }

    /// Runs one command line and says with what to exit.
    static func main(_ arguments: [String]) async -> Outcome {
        do {
            var command = try Self.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return .done
        } catch {
            let failure = Failure(error)
            if let reason = failure.reason { Terminal.standardError.write(reason + "\n") }
            return failure.status
        }
    }
}

extension Refreshctl {
    /// How to show things on this program's standard output, now.
    var output: Output {
        let terminal = Terminal.standardOutput
        return Output(
            now: time(nil),
            width: terminal.width,
            isTerminal: terminal.isTerminal,
            hasColour: terminal.hasColour
        )
    }

    /// Prints the account that an answer holds.
    func show(_ answer: Answer) throws {
        let lines =
            self.json ? [try answer.json("account")] : self.output.lines(try answer.decode(AccountReply.self).account)
        for line in lines { try Terminal.standardOutput.print(line) }
    }
}
