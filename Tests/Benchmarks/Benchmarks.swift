import ArgumentParser

/// What the parts of the daemon cost, each beside something plain in the same run.
///
/// A machine's speed moves from minute to minute, so contestants take turns and what counts is the ratio of one round's
/// figures. Built only when `REFRESHD_BENCHMARKS` is set, and of use only with `-c release`.
@main struct Benchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Benchmarks",
        abstract: "Measure refreshd beside plain programs that do a part of its work.",
        subcommands: [
            Wheel.self, Timers.self, TokensCommand.self, RefreshesCommand.self, LoadCommand.self,
            LoadAccountsCommand.self, ProviderCommand.self, FillStoreCommand.self, LoadStoreCommand.self,
        ]
    )

    struct Wheel: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The timer wheel beside a binary heap.")

        func run() { WheelBenchmark.run() }
    }

    struct Timers: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The timer wheel alone, as one line of JSON for another program's table."
        )

        @Argument(help: "What the line is called.") var label: String
        @Argument(help: "How many timers; 1e6 is a number too.") var timers: Double
        @Argument(help: "Ticks in a second: 1 or 1000.") var ticksPerSecond: UInt64

        func validate() throws {
            guard (1...1e8).contains(self.timers), self.ticksPerSecond > 0 else {
                throw ValidationError("1 to 1e8 timers, and 1 or more ticks in a second")
            }
        }

        func run() {
            WheelBenchmark.timers(label: self.label, timers: Int(self.timers), ticksPerSecond: self.ticksPerSecond)
        }
    }
}
