import Glibc
import Synchronization
import TestSupport

/// Runs the tasks of one simulated process on the thread that pumps it, one job at a time, in an order that a seed
/// decides.
///
/// A job is what a task does between two suspensions. Which of the jobs that are ready comes next is drawn, for on two
/// cores any of them might. So a seed is a schedule too, and the same seed is the same schedule.
final class PumpedExecutor: TaskExecutor {
    private struct State {
        var ready: [UnownedJob] = []
        var random: SeededGenerator
        var foreigners = 0
    }

    private let state: Mutex<State>
    private let owner = pthread_self()

    /// Belongs to the calling thread: jobs may come from it alone, or no seed would replay.
    init(seed: UInt64) { self.state = Mutex(State(random: SeededGenerator(seed: seed))) }

    /// Jobs that came from another thread; there must be none.
    var foreigners: Int { self.state.withLock { $0.foreigners } }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isForeign = pthread_equal(self.owner, pthread_self()) == 0
        self.state.withLock { state in
            state.ready.append(job)
            if isForeign { state.foreigners += 1 }
        }
    }

    /// Runs one job.
    ///
    /// - Returns: False when none is ready.
    func step() -> Bool {
        let job: UnownedJob? = self.state.withLock { state in
            guard state.ready.count > 1 else { return state.ready.popLast() }
            return state.ready.remove(at: Int.random(in: 0..<state.ready.count, using: &state.random))
        }
        guard let job else { return false }
        unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
        return true
    }
}
