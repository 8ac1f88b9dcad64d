import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import Systemd

@Suite struct WatchdogTests {
    private let sent = Recorder<String>()
    private let sleeps = Recorder<Duration>()
    private let logged = Recorder<String>()

    /// A watchdog whose sleeps return at once, and that is cancelled after as many of them as there are answers.
    private func run(answers: [Bool], interval: Duration?) async throws {
        let (sent, sleeps, logged) = (self.sent, self.sleeps, self.logged)
        let remaining = Mutex(answers[...])
        var logger = Logger(label: "watchdog") { _ in
            TextLogHandler(form: .journalStream, output: { logged.append(String(decoding: $0, as: UTF8.self)) })
        }
        logger.logLevel = .trace
        let watchdog = Watchdog(
            interval: interval,
            notifier: Notifier(transport: {
                sent.append($0)
                return 1
            }),
            logger: logger,
            sleep: { duration in
                sleeps.append(duration)
                guard sleeps.elements.count < answers.count else { throw CancellationError() }
            },
            probe: { remaining.withLock { $0.popFirst() ?? false } }
        )
        try await watchdog.run()
    }

    @Test func `a ping goes out each half interval while the probe says yes`() async throws {
        try await self.run(answers: [true, true, true], interval: .seconds(30))
        #expect(self.sent.elements == ["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"])
        #expect(self.sleeps.elements == [.seconds(15), .seconds(15), .seconds(15)])
        #expect(self.logged.elements == [])
    }

    @Test func `no ping goes out while the probe says no, and both turns are told once`() async throws {
        try await self.run(answers: [true, false, false, true, true], interval: .seconds(2))
        #expect(self.sent.elements.count == 3)
        #expect(self.sleeps.elements.count == 5)
        #expect(
            self.logged.elements == [
                "<3>scheduler stands still, watchdog ping withheld\n", "<5>scheduler turns again\n",
            ]
        )
    }

    @Test(arguments: [nil, Duration.zero])
    func `without an interval it sends nothing and waits for the shutdown`(interval: Duration?) async throws {
        let (sent, asked) = (self.sent, Recorder<Bool>())
        let watchdog = Watchdog(
            interval: interval,
            notifier: Notifier(transport: {
                sent.append($0)
                return 1
            }),
            logger: Logger(label: "watchdog") { _ in SwiftLogNoOpLogHandler() },
            sleep: { _ in throw CancellationError() },
            probe: {
                asked.append(true)
                return true
            }
        )
        try await self.untilShutdown(of: watchdog) { $0() }
        #expect(sent.elements == [])
        #expect(asked.elements == [])
    }

    @Test func `graceful shutdown ends it in the middle of a sleep, as a success`() async throws {
        let (sleeping, arrived) = AsyncStream.makeStream(of: Void.self)
        let watchdog = Watchdog(
            interval: .seconds(30),
            notifier: Notifier(transport: { _ in 1 }),
            logger: Logger(label: "watchdog") { _ in SwiftLogNoOpLogHandler() },
            sleep: { _ in
                arrived.yield()
                // Ends by cancellation only.
                for await _ in AsyncStream<Never>.makeStream().stream {}
                throw CancellationError()
            },
            probe: { true }
        )
        try await self.untilShutdown(of: watchdog) { shutDown in
            for await _ in sleeping { break }
            shutDown()
        }
    }

    /// Runs the service in a group until `body` calls what it is given, and on to the group's end.
    private func untilShutdown(
        of service: some Service,
        body: @escaping @Sendable (_ shutDown: @escaping @Sendable () -> Void) async -> Void
    ) async throws {
        let group = ServiceGroup(
            services: [service],
            logger: Logger(label: "group") { _ in SwiftLogNoOpLogHandler() }
        )
        let (asked, ask) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            await body { ask.finish() }
            for await _ in asked {}
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}
