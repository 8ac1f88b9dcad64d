import ArgumentParser
import ControlAPI
import ControlServer
import Glibc
import Logging
import NIOCore
import NIOPosix
import RefreshCore
import RefreshEngine
import SQLiteStore
import ServiceLifecycle

/// `GetToken` over the Unix socket: the daemon's own server beside one that answers without looking.
struct TokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens",
        abstract: "GetToken over the socket beside a bare echo on the same socket library.",
        discussion: """
            Both servers have the same number of event loops and send answers of the same size. One thread asks, with one \
            call outstanding on each connection; its processor time is in nobody's figures. On one processor (taskset) the \
            figures are steadier; with several, waking the other one up costs more than the work.
            """
    )

    @Option(help: "Rounds; in each, every contestant has its turn.") var rounds = 5
    @Option(help: "Seconds of one turn.") var seconds = 1.0
    @Option(help: "Accounts, asked for at random.") var accounts = 1_000
    @Option(help: "Bytes of each access token.") var tokenBytes = 900
    @Option(help: "Event loops of each server.") var loops = 2
    @Option(help: "Connections; may be given several times.") var connections: [Int] = [1, 16, 64]

    func validate() throws {
        guard self.rounds > 0, self.accounts > 0, self.loops > 0,
            self.connections.allSatisfy({ (1...900).contains($0) })
        else { throw ValidationError("at least one of each, and at most 900 connections") }
    }

    func run() async throws {
        try await Scratch.withFolder { folder in
            let made = try MadeUpStore(folder: folder)
            let accounts = try MadeUpStore.accounts(self.accounts, tokenBytes: self.tokenBytes)
            try await made.fill(accounts) { _ in .seconds(86_400) }
            let store = try made.open()
            let clock = HostClock()
            let engine = Engine(
                settings: EngineSettings(clients: [:], sinks: [:]),
                store: store,
                storeID: store.identity.store,
                journal: try made.journal(of: store, clock: clock),
                sealer: made.sealer,
                clock: clock,
                logger: .silent
            )
            let group = MultiThreadedEventLoopGroup(numberOfThreads: self.loops)
            let path = "\(folder)/control"
            let server = try ControlServer(
                engine: engine,
                endpoint: .path(path, group: nil),
                rule: ReadRule(rules: [], masters: [geteuid()]),
                facts: DaemonFacts(version: "", pid: getpid(), startedAt: clock.now) { .ready },
                reload: {},
                group: group,
                logger: .silent
            )
            let scheduler = Scheduler(engine: engine, clock: clock, history: .continuous, recovered: {}, loaded: {})
            try await withThrowingTaskGroup(of: Void.self) { services in
                services.addTask { try await scheduler.run() }
                services.addTask { try await server.run() }
                while engine.isLoading || !Self.isThere(path) { try await Task.sleep(for: .milliseconds(5)) }
                guard let answer = engine.table.token(for: accounts[0].account)?.reply else {
                    throw LoadFailure("no token in the table")
                }
                let echoPath = "\(folder)/echo"
                let echo = try await EchoServer.start(path: echoPath, answer: answer, group: group)
                try await self.compare(echo: echoPath, refreshd: path, accounts)
                try await echo.close()
                services.cancelAll()
                // Cancelled is how they end here.
                while let end = await services.nextResult() { _ = end }
            }
            await store.close()
            try await group.shutdownGracefully()
        }
    }

    private static func isThere(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// The figures of one server, by round.
    private struct Figures {
        var rate = Series()
        var processor = Series()
        var half = Series()
        var most = Series()
        var nearlyAll = Series()

        mutating func add(_ measured: (load: TokenLoad.Figures, serverSeconds: Double)) {
            let (load, processorSeconds) = measured
            self.rate.add(Double(load.count) / load.seconds / 1e3)
            self.processor.add(processorSeconds / Double(max(load.count, 1)) * 1e6)
            self.half.add(load.latency(0.5))
            self.most.add(load.latency(0.99))
            self.nearlyAll.add(load.latency(0.999))
        }

        func cells(beside base: Figures) -> [String] {
            [
                self.rate.text(1), self.rate.ratio(to: base.rate).text(2),
                self.processor.text(2), self.processor.ratio(to: base.processor).text(2),
                self.half.median.text(0), self.most.median.text(0), self.nearlyAll.median.text(0),
            ]
        }
    }

    private func measure(
        _ path: String,
        _ connections: Int,
        _ requests: [[UInt8]]
    ) async throws -> (load: TokenLoad.Figures, serverSeconds: Double) {
        let load = TokenLoad(path: path, connections: connections, requests: requests)
        // To have the code and its buffers in place.
        _ = try await load.run(seconds: 0.1)
        let processor = Usage.processSeconds
        let done = try await load.run(seconds: self.seconds)
        return (done, Usage.processSeconds - processor - done.processorSeconds)
    }

    private func compare(echo: String, refreshd: String, _ accounts: [MadeUpAccount]) async throws {
        let requests = accounts.map { account in
            let parameters = #"{"account":"\#(account.account)"}"#
            return Array(#"{"method":"org.refreshd.Control.GetToken","parameters":\#(parameters)}"#.utf8) + [0]
        }
        let head = ["1000/s", "/ echo", "server CPU µs each", "/ echo", "p50 µs", "p99 µs", "p99.9 µs"]
        var table = Table(names: 2, ["connections", "server"] + head)
        for connections in self.connections {
            var base = Figures()
            var own = Figures()
            for _ in 0..<self.rounds {
                base.add(try await self.measure(echo, connections, requests))
                own.add(try await self.measure(refreshd, connections, requests))
            }
            table.add(["\(connections)", "bare echo"] + base.cells(beside: base))
            table.add(["\(connections)", "refreshd"] + own.cells(beside: base))
        }
        print("\(self.accounts) accounts, \(self.rounds) rounds of \(self.seconds.text(1)) s, median (min–max)")
        print(table.text)
    }
}
