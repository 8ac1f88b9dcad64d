import Logging
import RefreshCore
import ServiceLifecycle
import Synchronization

/// What the deliverer needs of the engine: the committed token, and somewhere to tell the end.
protocol DeliverySource: Sendable {
    /// The message for a sink, made from what the store holds now.
    ///
    /// - Returns: Nil when there is nothing (any more) to deliver.
    func message(for account: AccountID, sink: SinkID) async throws(StoreError) -> SinkMessage?

    /// What came of it; durable when it returns.
    func delivered(_ account: AccountID, _ sink: SinkID, _ generation: Generation, _ end: DeliveryEnd) async
}

/// How a try to deliver ended.
enum DeliveryEnd: Sendable {
    case accepted
    /// The account's browser was sent there; what it was told there is not known here.
    case handedOff
    case refused(Cause, message: String)
    case postponed(Cause, message: String, until: Timestamp)
}

/// Outbox → sinks: the newest generation wins, each sink has its own back-off.
///
/// The outbox itself is the store's; here is only who is waiting. What is lost in a crash is read back at the start.
package final class Deliverer: Service, Sendable {
    private struct State {
        var sinks: [SinkID: SinkBinding]
        var queues: [SinkID: SinkQueue] = [:]
    }

    private let clock: any WallClock
    private let logger: Logger
    private let counters: Counters
    private let state: Mutex<State>
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation
    private let source = Mutex<(any DeliverySource)?>(nil)

    init(sinks: [SinkID: SinkBinding], clock: any WallClock, counters: Counters, logger: Logger) {
        self.clock = clock
        self.counters = counters
        self.logger = logger
        self.state = Mutex(State(sinks: sinks))
        // One signal is as good as many: each has the reader look at everything.
        (self.signals, self.signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Names the other end, once, before anything is delivered.
    func connect(_ source: any DeliverySource) { self.source.withLock { $0 = source } }

    /// There is something new for a sink.
    ///
    /// What is handed off waits for the account's browser, and not here.
    func wake(_ account: AccountID, _ sink: SinkID) {
        let isCalled = self.state.withLock { state in
            guard state.sinks[sink]?.handoff == nil else { return false }
            state.queues[sink, default: SinkQueue()].add(account)
            return true
        }
        guard isCalled else { return }
        self.signal.yield()
    }

    func forget(_ account: AccountID) {
        let sinks = self.state.withLock { state in
            for sink in state.queues.keys { state.queues[sink]?.remove(account) }
            return state.sinks.values.map(\.sink)
        }
        for sink in sinks { sink.removed(account) }
    }

    var pending: Int { self.state.withLock { $0.queues.values.reduce(0) { $0 + $1.count } } }

    func apply(_ sinks: [SinkID: SinkBinding]) {
        self.state.withLock { state in
            state.sinks = sinks
            for (sink, binding) in sinks where binding.handoff != nil { state.queues[sink]?.clear() }
            for sink in state.queues.keys { state.queues[sink]?.reopen() }
        }
        self.signal.yield()
    }

    /// Delivers until graceful shutdown; what is under way then is given up, and stays in the outbox.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                // The earliest moment for which a sleeper was started: one for all sinks is enough.
                var sleepsUntil: Timestamp?
                for await _ in self.signals {
                    let now = self.clock.now
                    if let moment = sleepsUntil, moment <= now { sleepsUntil = nil }
                    let (ready, opens) = self.take(at: now)
                    for (account, sink, settings) in ready {
                        group.addTask { await self.deliver(account, sink, settings) }
                    }
                    if let opens, sleepsUntil.map({ opens < $0 }) ?? true {
                        sleepsUntil = opens
                        group.addTask {
                            try? await self.clock.sleep(until: opens, tolerance: .milliseconds(50))
                            self.signal.yield()
                        }
                    }
                }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.signal.finish()
        }
    }

    /// Everybody who may go now, and when the next closed sink opens.
    private func take(at now: Timestamp) -> (ready: [(AccountID, SinkID, SinkBinding)], opens: Timestamp?) {
        self.state.withLock { state in
            var ready: [(AccountID, SinkID, SinkBinding)] = []
            var opens: Timestamp?
            // Sorted, so that what follows does not depend on how a dictionary hashes today.
            for sink in state.queues.keys.sorted() {
                guard let settings = state.sinks[sink] else { continue }
                while let account = state.queues[sink]?.next(at: now) { ready.append((account, sink, settings)) }
                if let moment = state.queues[sink]?.opens(after: now) {
                    opens = opens.map { Swift.min($0, moment) } ?? moment
                }
            }
            return (ready, opens)
        }
    }

    private func deliver(_ account: AccountID, _ sink: SinkID, _ settings: SinkBinding) async {
        guard let source = self.source.withLock({ $0 }) else { return }
        defer { self.signal.yield() }
        let message: SinkMessage
        do throws(StoreError) {
            guard let found = try await source.message(for: account, sink: sink) else {
                self.change(sink) { $0.dropped(account) }
                return
            }
            message = found
        } catch {
            _ = self.change(sink) { $0.failed(account, retryAfter: nil, at: self.clock.now, phase: account.phase) }
            return
        }
        if let end = self.objection(message, settings, account) {
            await source.delivered(account, sink, message.token.generation, end)
            self.change(sink) { $0.answered(account) }
            return
        }
        do throws(SinkError) {
            try await settings.sink.deliver(message)
            self.counters.deliveries.count()
            await source.delivered(account, sink, message.token.generation, .accepted)
            self.change(sink) { $0.answered(account) }
        } catch {
            switch error {
            case .refused(let words):
                self.counters.countDeliveryFailure(.sinkRefused)
                await source.delivered(account, sink, message.token.generation, .refused(.sinkRefused, message: words))
                self.change(sink) { $0.answered(account) }
            case .unavailable(let cause, let words, let retryAfter):
                self.counters.countDeliveryFailure(cause)
                let until = self.change(sink) {
                    $0.failed(account, retryAfter: retryAfter, at: self.clock.now, phase: account.phase)
                }
                await source.delivered(
                    account,
                    sink,
                    message.token.generation,
                    .postponed(cause, message: words, until: until ?? self.clock.now)
                )
            }
        }
    }

    /// Why this token may not be delivered here, if so.
    private func objection(_ message: SinkMessage, _ settings: SinkBinding, _ account: AccountID) -> DeliveryEnd? {
        guard settings.refusesMissingScopes, let client = try? ClientID(String(account.client)) else { return nil }
        let missing = settings.missingScopes(message.token.facts, client: client)
        guard !missing.isEmpty else { return nil }
        self.counters.countDeliveryFailure(.missingPermissions)
        return .refused(
            .missingPermissions,
            message:
                "the grant lacks \(missing.count) of the scopes that the storage key needs; authorize again with them"
        )
    }

    @discardableResult private func change<R>(_ sink: SinkID, _ body: (inout SinkQueue) -> R) -> R? {
        self.state.withLock { state in
            guard var queue = state.queues[sink] else { return nil }
            let result = body(&queue)
            state.queues[sink] = queue
            return result
        }
    }
}
