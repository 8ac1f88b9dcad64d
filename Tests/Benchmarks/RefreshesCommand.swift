import ArgumentParser
import OAuth
import RefreshCore

/// Refreshes a second: the engine with its store, beside plain requests over the same HTTP client.
struct RefreshesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refreshes",
        abstract: "Durable refreshes a second over TLS beside plain requests to the same server.",
        discussion: """
            The server is the practice provider in a process of its own, on the same processors. refreshd reads each grant \
            from its SQLite store, sends it, and has the answer on the disk before the token is used.
            """
    )

    @Option(help: "Rounds; in each, every contestant has its turn.") var rounds = 5
    @Option(help: "Seconds of one turn.") var seconds = 2.0
    @Option(help: "Requests in flight.") var concurrency = 64
    @Option(help: "Accounts of refreshd; enough that some are always due.") var accounts = 30_000

    func run() async throws {
        try await Scratch.withFolder { folder in
            let provider = try ProviderProcess(folder: folder, accounts: self.accounts, loops: self.concurrency)
            defer { provider.end() }
            let head = ["refreshes/s", "/ plain", "client CPU µs each", "/ plain", "per commit"]
            var table = Table(names: 2, ["what", "who"] + head)
            for kind in RefreshKind.allCases {
                let (plain, engine) = try await self.compare(kind, provider)
                table.add([kind.title, "plain requests"] + plain.cells(beside: plain))
                table.add([kind.title, "refreshd"] + engine.cells(beside: plain))
            }
            print("\(self.concurrency) in flight, \(self.rounds) rounds of \(self.seconds.text(1)) s, median (min–max)")
            print(table.text)
        }
    }

    /// The figures of one contestant, by round.
    private struct Figures {
        var rate = Series()
        var processor = Series()
        /// Refreshes in one transaction.
        var perCommit = Series()

        mutating func add(_ done: WorkDone) {
            self.rate.add(done.perSecond)
            self.processor.add(done.processorMicroseconds)
            self.perCommit.add(done.commits > 0 ? Double(done.count) / Double(done.commits) : 0)
        }

        func cells(beside base: Figures) -> [String] {
            [
                self.rate.text(0), self.rate.ratio(to: base.rate).text(2),
                self.processor.text(1), self.processor.ratio(to: base.processor).text(2),
                self.perCommit.text(1),
            ]
        }
    }

    private func compare(_ kind: RefreshKind, _ provider: ProviderProcess) async throws -> (Figures, Figures) {
        let store = try MadeUpStore(folder: provider.folder, name: kind.rawValue)
        try await store.fill(try provider.accounts(kind)) { _ in .seconds(1) }
        let run = EngineRun(
            store: store,
            client: try Self.client(kind, provider.tokenURL),
            caFile: provider.caFile,
            concurrency: self.concurrency
        )
        let requests = PlainRequests(
            url: provider.tokenURL,
            clientID: kind.client,
            clientSecret: ProviderProcess.secret,
            caFile: provider.caFile,
            keepsConnections: kind == .kept
        )
        var tokens = try provider.plainTokens(kind)
        var plain = Figures()
        var engine = Figures()
        for _ in 0..<self.rounds {
            plain.add(try await requests.measure(&tokens, warmUp: 0.3, seconds: self.seconds))
            engine.add(try await run.measure(warmUp: 0.3, seconds: self.seconds))
        }
        return (plain, engine)
    }

    private static func client(_ kind: RefreshKind, _ url: String) throws -> OAuthClient {
        var profile = ProviderProfile(id: "practice", name: "Practice")
        profile.habit = RotationHabit(
            rotation: kind == .kept ? .none : .singleUse,
            blast: .none,
            grace: .zero,
            killsAccessToken: false
        )
        return OAuthClient(
            id: try ClientID(kind.client),
            profile: profile,
            clientID: kind.client,
            clientSecret: Secret(ProviderProcess.secret),
            authenticationMethod: .clientSecretPost,
            tokenEndpoint: url
        )
    }
}
