import FoundationEssentials
import RefreshCore
import Synchronization
import Testing

/// The whole engine in simulated worlds: a seed decides providers, faults, restarts, people, and the order of the jobs.
///
/// `REFRESHD_SEED=17` replays one seed and prints what happened; `REFRESHD_SEEDS=100` plays so many.
@Suite(.serialized) struct EngineSimulationTests {
    @Test func `in ten simulated years no seed breaks an invariant`() async throws {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["REFRESHD_SEED"].flatMap({ UInt64($0) }) {
            let report = try SimulatedRun.run(seed: seed, isTraced: true)
            print(report.trace.joined(separator: "\n"))
            #expect(report.violations.isEmpty, "seed \(seed)")
            return
        }
        let seeds = environment["REFRESHD_SEEDS"].flatMap { UInt64($0) } ?? 1_000
        let tour = SeedTour(seeds: 1...seeds)
        try await tour.play()
        print(tour.summary)
        for failure in tour.failures { Issue.record("\(failure)") }
        if seeds >= 1_000 { #expect(tour.simulated >= .seconds(10 * 365 * 86_400)) }
    }

    @Test(arguments: [3, 8, 21, 34, 55] as [UInt64])
    func `the same seed is the same story`(_ seed: UInt64) throws {
        let first = try SimulatedRun.run(seed: seed, isTraced: true)
        let second = try SimulatedRun.run(seed: seed, isTraced: true)
        #expect(first.trace == second.trace)
        #expect(first.trace.count > 10)
    }

    @Test(arguments: Flaw.allCases)
    func `what is broken on purpose is noticed`(_ flaw: Flaw) throws {
        for seed in 1...100 as ClosedRange<UInt64> {
            let report = try SimulatedRun.run(seed: seed, flaw: flaw)
            if report.violations.contains(where: { $0.hasPrefix(flaw.invariant) }) { return }
        }
        Issue.record("a hundred seeds, and nobody has noticed")
    }

    @Test func `two redeems of one grant, and one of an older generation, are noticed`() throws {
        let seed = try #require(
            (1...100 as ClosedRange<UInt64>).first { seed in
                (try? World(seed: seed))?.climate.lanes[0].terms.habit.rotation == .singleUse
            }
        )
        let world = try World(seed: seed)
        _ = world.authorize(0)
        world.committed(world.accounts[0], World.Row(generation: .first, access: 0, refresh: 0))
        let first = world.begin(0, lane: 0)
        world.release(first)
        #expect(world.violations.isEmpty)
        world.release(world.begin(0, lane: 0))
        #expect(world.violations.map { $0.prefix(2) } == ["V3"])
        world.finish(first)
        _ = world.authorize(0)
        world.committed(world.accounts[0], World.Row(generation: .first.next, access: 1, refresh: 1))
        world.release(world.begin(0, lane: 0))
        #expect(world.violations.contains { $0.hasPrefix("V4") })
    }
}
