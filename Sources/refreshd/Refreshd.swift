import ArgumentParser
import Glibc

/// The program: `refreshd run`, `check` and `version`; `refreshd` alone is `run`.
@main struct Refreshd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refreshd",
        abstract: "Keeps OAuth 2.0 tokens fresh and hands them to local programs.",
        version: Version.text,
        subcommands: [Run.self, Check.self, Version.self],
        defaultSubcommand: Run.self
    )

    struct Options: ParsableArguments {
        @Option(name: .long, help: ArgumentHelp("The configuration file.", valueName: "file"))
        var config = Configuration.Defaults.path
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the daemon (in the foreground, or under systemd)."
        )

        @OptionGroup var options: Options

        @Flag(
            name: .long,
            help: "Start although the attempt journal is gone; nothing that might have been used is sent by itself."
        )
        var acceptJournalLoss = false

        func run() async throws {
            let status = await Assembly.run(
                configurationPath: self.options.config,
                acceptsJournalLoss: self.acceptJournalLoss
            )
            guard status == 0 else { throw ExitCode(status) }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read the configuration, and tell all that is wrong with it.",
            discussion: "Exit code 0 when the daemon would start with it, 78 when it would not."
        )

        @OptionGroup var options: Options

        func run() throws {
            var environment = ConfigurationEnvironment.host
            // Credentials are there only when systemd runs the service.
            environment.credentialsAreOptional = true
            let check = ConfigurationCheck(path: self.options.config, environment: environment)
            for line in check.lines { print(line) }
            guard check.isGood else { throw ExitCode(check.exitCode) }
        }
    }

    struct Version: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the version.")
        static let text = "1.0.0"

        func run() { print("refreshd \(Self.text)") }
    }
}
