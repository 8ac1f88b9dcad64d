import ArgumentParser
import ControlAPI

struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Read the configuration again; the old one stays in force if the new one has a fault."
    )

    @ParentCommand var options: Refreshctl

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let answer = try await daemon.call(Call.Reload())
            if self.options.json { try Terminal.standardOutput.print(answer.json()) }
        }
    }
}
