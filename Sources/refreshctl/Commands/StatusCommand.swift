import ArgumentParser
import ControlAPI

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the daemon: how many accounts in which state, what is due, how the clients fare."
    )

    @ParentCommand var options: Refreshctl

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let answer = try await daemon.call(Call.Status())
            let lines =
                self.options.json
                ? [try answer.json("status")]
                : self.options.output.lines(try answer.decode(StatusReply.self).status)
            for line in lines { try Terminal.standardOutput.print(line) }
        }
    }
}
