import RefreshCore
@testable import RefreshEngine
import Synchronization

/// The clock and the timer of one simulated process: whoever waits is woken alone, in the order of the deadlines.
final class SimulatedClock: WallClock, WakeSource {
    private struct Sleeper {
        var deadline: Timestamp
        var number: Int
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var now: Timestamp
        var utcShift: Duration
        var nextNumber = 0
        /// The earliest deadline last; of two that are equal, the one that came first.
        var sleepers: [Sleeper] = []
        var cancelled: Set<Int> = []
        var isOver = false
        var armed: Timestamp?
    }

    private let state: Mutex<State>

    init(now: Timestamp, utcShift: Duration) { self.state = Mutex(State(now: now, utcShift: utcShift)) }

    var now: Timestamp {
        get { self.state.withLock { $0.now } }
        set { self.state.withLock { $0.now = Swift.max($0.now, newValue) } }
    }

    var utcShift: Duration {
        get { self.state.withLock { $0.utcShift } }
        set { self.state.withLock { $0.utcShift = newValue } }
    }

    /// Whether the process is gone.
    var isOver: Bool { self.state.withLock { $0.isOver } }

    /// When somebody wants to be woken next.
    var nextDeadline: Timestamp? { self.state.withLock { $0.sleepers.last?.deadline } }

    /// When the engine asked to be woken.
    var armed: Timestamp? { self.state.withLock { $0.armed } }

    /// Wakes the first whose deadline has come.
    func wakeNext() {
        let sleeper: Sleeper? = self.state.withLock { state in
            guard let last = state.sleepers.last, last.deadline <= state.now else { return nil }
            return state.sleepers.removeLast()
        }
        sleeper?.continuation.resume(returning: true)
    }

    /// Ends all waiting, now and from here on: the process is gone.
    func end() {
        let sleepers = self.state.withLock { state in
            state.isOver = true
            defer { state.sleepers = [] }
            return state.sleepers
        }
        for sleeper in sleepers.reversed() { sleeper.continuation.resume(returning: true) }
    }

    // MARK: WakeSource

    func arm(_ moment: Timestamp?) { self.state.withLock { $0.armed = moment } }
    func fired() { self.state.withLock { $0.armed = nil } }

    // MARK: Waiting

    func sleep(until deadline: Timestamp, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        let number = self.state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        let isOver = await withTaskCancellationHandler {
            await self.wait(number, deadline)
        } onCancel: {
            let continuation: CheckedContinuation<Bool, Never>? = self.state.withLock { state in
                guard let index = state.sleepers.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return nil
                }
                return state.sleepers.remove(at: index).continuation
            }
            continuation?.resume(returning: false)
        }
        if !isOver { throw CancellationError() }
    }

    /// Waits for what is not this process: a server, a disk.
    ///
    /// Cannot be cancelled.
    func pause(for duration: Duration) async {
        guard duration > .zero else { return }
        let number = self.state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        _ = await self.wait(number, self.now + duration)
    }

    private func wait(_ number: Int, _ deadline: Timestamp) async -> Bool {
        await withCheckedContinuation { continuation in
            let result: Bool? = self.state.withLock { state in
                guard state.cancelled.remove(number) == nil else { return false }
                guard deadline > state.now, !state.isOver else { return true }
                let index = state.sleepers.firstIndex { $0.deadline <= deadline } ?? state.sleepers.endIndex
                state.sleepers.insert(
                    Sleeper(deadline: deadline, number: number, continuation: continuation),
                    at: index
                )
                return nil
            }
            if let result { continuation.resume(returning: result) }
        }
    }
}
