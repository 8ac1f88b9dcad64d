package import RefreshCore
import Synchronization

/// A clock that a test turns by hand.
///
/// Whoever sleeps on it wakes when the test moves it far enough, or when its task is cancelled.
package final class ManualClock: WallClock {
    private struct Sleeper {
        var deadline: Timestamp
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var now: Timestamp
        var utcShift: Duration = .zero
        var nextNumber = 0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
        /// Deadlines of sleepers that nobody has asked after yet, in the order of their arrival.
        var arrivals: [Timestamp] = []
        var watchers: [CheckedContinuation<Timestamp, Never>] = []
    }

    private let state: Mutex<State>

    package init(now: Timestamp = .epoch) { self.state = Mutex(State(now: now)) }

    package var now: Timestamp { self.state.withLock { $0.now } }

    /// UTC minus this clock; setting it is what setting the host's wall clock looks like.
    package var utcShift: Duration {
        get { self.state.withLock { $0.utcShift } }
        set { self.state.withLock { $0.utcShift = newValue } }
    }

    /// The deadlines of all who sleep now, in no order.
    package var deadlines: [Timestamp] { self.state.withLock { $0.sleepers.values.map(\.deadline) } }

    /// Returns once somebody sleeps whom no earlier call has told of, with the deadline.
    package func sleeperArrived() async -> Timestamp {
        await withCheckedContinuation { continuation in
            let arrived: Timestamp? = self.state.withLock { state in
                guard state.arrivals.isEmpty else { return state.arrivals.removeFirst() }
                state.watchers.append(continuation)
                return nil
            }
            if let arrived { continuation.resume(returning: arrived) }
        }
    }

    /// Lets time pass; whoever's deadline has come wakes.
    package func advance(by duration: Duration) {
        let woken = self.state.withLock { state in
            state.now = state.now + duration
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.values.sorted { $0.deadline < $1.deadline }
        }
        for sleeper in woken { sleeper.continuation.resume(returning: true) }
    }

    /// Lets time pass up to a moment; one that is over changes nothing.
    package func advance(to moment: Timestamp) { self.advance(by: Swift.max(moment - self.now, .zero)) }

    package func sleep(until deadline: Timestamp, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        let number = self.state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        let isOver = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (result, watcher) = self.state.withLock { state in
                    self.begin(number, deadline, continuation, &state)
                }
                watcher?.resume(returning: deadline)
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let sleeper = self.state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: number)
                if sleeper == nil { state.cancelled.insert(number) }
                return sleeper
            }
            sleeper?.continuation.resume(returning: false)
        }
        if !isOver { throw CancellationError() }
    }

    /// - Returns: The end of the sleep if it is over before it began, and whoever waits for a sleeper.
    private func begin(
        _ number: Int,
        _ deadline: Timestamp,
        _ continuation: CheckedContinuation<Bool, Never>,
        _ state: inout State
    ) -> (result: Bool?, watcher: CheckedContinuation<Timestamp, Never>?) {
        guard state.cancelled.remove(number) == nil else { return (false, nil) }
        guard deadline > state.now else { return (true, nil) }
        state.sleepers[number] = Sleeper(deadline: deadline, continuation: continuation)
        guard state.watchers.isEmpty else { return (nil, state.watchers.removeFirst()) }
        state.arrivals.append(deadline)
        return (nil, nil)
    }
}
