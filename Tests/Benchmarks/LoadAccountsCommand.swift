import ArgumentParser

/// How long a start takes with many accounts, and what each of them occupies in memory.
struct LoadAccountsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load-accounts",
        abstract: "Time and memory to load accounts from a SQLite store.",
        discussion: "Each round is a new process. The file is in the page cache: it has just been made."
    )

    @Argument(help: "How many accounts.") var accounts: Int
    @Option(help: "Bytes of each access token.") var tokenBytes = 900
    @Option(help: "Rounds.") var rounds = 5

    func validate() throws {
        guard self.accounts > 0, self.rounds > 0, self.tokenBytes > 0 else {
            throw ValidationError("at least one of each")
        }
    }

    func run() async throws {
        try await Scratch.withFolder { folder in
            let filling = try Child("fill-store", folder, "\(self.accounts)", "\(self.tokenBytes)")
            _ = try filling.line()
            filling.end()

            var loaded = Series()
            var used = Series()
            var resident = Series()
            var peak = Series()
            var pages = Series()
            var opened = Series()
            for _ in 0..<self.rounds {
                let child = try Child("load-store", folder, "\(self.accounts)")
                let words = try child.line().compactMap(Double.init)
                child.end()
                guard words.count == 6 else { throw ChildFailure() }
                loaded.add(words[0])
                used.add(words[1])
                resident.add(words[2] / Double(self.accounts))
                peak.add(words[3] / 1_048_576)
                pages.add(words[4])
                opened.add(words[5])
            }

            var time = Table(names: 1, ["until", "s", "µs an account", "/ rows read"])
            for (name, series) in [
                ("all rows read, nothing made of them", pages), ("all rows read and their tokens opened", opened),
                ("opened and loaded, the schedule begins", loaded), ("the same in processor time", used),
            ] {
                let each = series.scaled(by: 1e6 / Double(self.accounts))
                time.add([name, series.text(3), each.text(2), series.ratio(to: pages).text(2)])
            }
            var memory = Table(names: 1, ["resident", "bytes an account", "beside its token", "/ token"])
            let token = Double(self.tokenBytes)
            let beside = (resident.median - token).text(0)
            memory.add(["after loading", resident.text(0), beside, resident.scaled(by: 1 / token).text(2)])
            print("\(self.accounts) accounts, tokens of \(self.tokenBytes) bytes")
            print("\(self.rounds) rounds, median (min–max)\n")
            print(time.text, memory.text, "largest resident set, MiB: \(peak.text(0))", separator: "\n\n")
        }
    }
}
