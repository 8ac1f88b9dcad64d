import RefreshCore
import Synchronization

/// Plays many seeds, on two threads, and adds up what came of them.
final class SeedTour: Sendable {
    private struct State {
        var next: UInt64
        var simulated: Duration = .zero
        var tally = World.Tally()
        var failures: [String] = []
    }

    private let seeds: ClosedRange<UInt64>
    private let state: Mutex<State>

    init(seeds: ClosedRange<UInt64>) {
        self.seeds = seeds
        self.state = Mutex(State(next: seeds.lowerBound))
    }

    /// Each with the seed that replays it.
    var failures: [String] { self.state.withLock { $0.failures } }

    var simulated: Duration { self.state.withLock { $0.simulated } }

    var summary: String {
        self.state.withLock { state in
            "\(self.seeds.count) seeds, \(state.simulated.components.seconds / 86_400) simulated days: \(state.tally)"
        }
    }

    func play() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { try await self.playOneByOne() } }
            try await group.waitForAll()
        }
    }

    @concurrent private func playOneByOne() async throws {
        while true {
            let seed = self.state.withLock { state in
                defer { state.next += 1 }
                return state.next
            }
            guard seed <= self.seeds.upperBound else { return }
            let report = try SimulatedRun.run(seed: seed)
            self.state.withLock { state in
                state.simulated += report.simulated
                state.tally += report.tally
                if let first = report.violations.first { state.failures.append("seed \(seed): \(first)") }
            }
            // A seed is played without a pause; others may go on in between.
            await Task.yield()
        }
    }
}
