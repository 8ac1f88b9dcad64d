import RefreshCore
import Synchronization

/// Many deadlines, and one task that sleeps until the earliest of them.
///
/// A task for each would be cheap if it could be woken; but the runtime keeps the timer of a cancelled sleep until its
/// time comes. At thousands of requests a second, each done within milliseconds, that would be a minute's worth of them.
/// Here a deadline that is met costs two looks into a table, and the one sleeper wakes at most once for each length of
/// time it sleeps, whatever the traffic; without any it ends.
final class Deadlines: Sendable {
    private struct State {
        var nextNumber = 0
        var pending: [Int: (moment: Timestamp, missed: @Sendable () -> Void)] = [:]
        var sleeper: (until: Timestamp, task: Task<Void, Never>)?
    }

    /// How late a deadline may be noticed, so that wake-ups can be joined with others.
    private static let tolerance = Duration.milliseconds(50)

    private let clock: any WallClock
    private let state = Mutex(State())

    init(clock: any WallClock) { self.clock = clock }

    deinit { self.state.withLock { $0.sleeper?.task.cancel() } }

    /// Has `missed` called once if `moment` comes before `clear` does.
    ///
    /// It is called on the sleeper's task, and does not wait for anything.
    ///
    /// - Returns: A number for `clear`.
    func set(_ moment: Timestamp, missed: @escaping @Sendable () -> Void) -> Int {
        self.state.withLock { state in
            state.nextNumber += 1
            state.pending[state.nextNumber] = (moment, missed)
            if state.sleeper.map({ moment < $0.until }) ?? true {
                state.sleeper?.task.cancel()
                state.sleeper = (moment, self.sleeper(until: moment))
            }
            return state.nextNumber
        }
    }

    /// The deadline is met, or nobody cares any more.
    ///
    /// It may be that `missed` is being called at this moment.
    func clear(_ number: Int) {
        // Dropped after the lock is free: it may be the last to hold what it would have ended.
        _ = self.state.withLock { $0.pending.removeValue(forKey: number) }
    }

    /// How many are neither met nor missed.
    var count: Int { self.state.withLock { $0.pending.count } }

    /// Whether anybody sleeps.
    var hasSleeper: Bool { self.state.withLock { $0.sleeper != nil } }

    // A task without a parent, for it serves many callers and outlives each. It ends when nothing is pending, or with
    // this object, which it does not hold.
    private func sleeper(until moment: Timestamp) -> Task<Void, Never> {
        Task { [weak self, clock = self.clock] in
            var moment = moment
            while (try? await clock.sleep(until: moment, tolerance: Self.tolerance)) != nil {
                guard let next = self?.ring() else { return }
                moment = next
            }
        }
    }

    /// Calls what has been missed.
    ///
    /// - Returns: The earliest of the others.
    private func ring() -> Timestamp? {
        let now = self.clock.now
        var missed: [@Sendable () -> Void] = []
        let next: Timestamp? = self.state.withLock { state in
            // One that has been replaced while it woke up must not speak for its successor.
            guard !Task.isCancelled else { return nil }
            for (number, deadline) in state.pending where deadline.moment <= now {
                missed.append(deadline.missed)
                state.pending[number] = nil
            }
            let next = state.pending.values.map(\.moment).min()
            if let next { state.sleeper?.until = next } else { state.sleeper = nil }
            return next
        }
        for call in missed { call() }
        return next
    }
}
