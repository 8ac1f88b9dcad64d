@testable import RefreshEngine
import OAuth
import RefreshCore
import TestSupport
import Testing

@Suite struct ForecastTests {
    private static func counts(
        due: Int64?,
        period: Int64?,
        step: Int64 = 10,
        steps: Int = 6
    ) throws -> [Int] {
        let begin = Timestamp(seconds: 1_000)
        var forecast = Forecast(
            begin: begin,
            step: .seconds(step),
            steps: steps,
            lanes: [(clients: [try ClientID("a")], rate: 1)]
        )
        forecast.add(
            due: due.map { begin + .seconds($0) },
            period: period.map { .seconds($0) },
            lane: 0
        )
        return forecast.lanes[0].refreshes
    }

    @Test func `a refresh is counted in the step in which it falls due`() throws {
        #expect(try Self.counts(due: 0, period: nil) == [1, 0, 0, 0, 0, 0])
        #expect(try Self.counts(due: 9, period: nil) == [1, 0, 0, 0, 0, 0])
        #expect(try Self.counts(due: 10, period: nil) == [0, 1, 0, 0, 0, 0])
        #expect(try Self.counts(due: 59, period: nil) == [0, 0, 0, 0, 0, 1])
        #expect(try Self.counts(due: 60, period: nil) == [0, 0, 0, 0, 0, 0])
        #expect(try Self.counts(due: -5, period: nil) == [1, 0, 0, 0, 0, 0], "what is overdue is due now")
        #expect(try Self.counts(due: nil, period: 5) == [0, 0, 0, 0, 0, 0])
    }

    @Test func `those that follow are counted too, the rare and the many`() throws {
        #expect(try Self.counts(due: 5, period: 20) == [1, 0, 1, 0, 1, 0])
        #expect(try Self.counts(due: 0, period: 10) == [1, 1, 1, 1, 1, 1])
        #expect(try Self.counts(due: 5, period: 3) == [2, 3, 4, 3, 3, 4])
        #expect(try Self.counts(due: 25, period: 1) == [0, 0, 5, 10, 10, 10])
        #expect(try Self.counts(due: 5, period: 0) == [1, 0, 0, 0, 0, 0], "no loop without an end")
    }

    @Test(arguments: 0..<200) func `each refresh is counted once, wherever the steps are cut`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let due = Int64.random(in: -20...300, using: &random)
        let period = Int64.random(in: 1...90, using: &random)
        let step = Int64.random(in: 1...40, using: &random)
        let counts = try Self.counts(due: due, period: period, step: step, steps: 12)
        var naive = Array(repeating: 0, count: 12)
        for moment in stride(from: max(due, 0), to: step * 12, by: Int(period)) { naive[Int(moment / step)] += 1 }
        #expect(counts == naive, "seed \(seed)")
    }

    @Test func `accounts are foreseen by lane, the paused and those without refreshes left out`() async throws {
        let box = try ClientID("box")
        let drop = try ClientID("drop")
        let rig = try Rig({ endpoint in
            EngineSettings(
                clients: [
                    box: try .client("box", endpoint, limits: LaneLimits(rate: 5, patience: .zero)),
                    drop: try .client("drop", endpoint, limits: LaneLimits(patience: .zero)),
                ],
                sinks: [:]
            )
        })
        try await rig.run {
            for name in ["box/a", "box/b", "drop/a"] { try await rig.put(name) }
            try await rig.put("box/static", hasRefreshToken: false)
            let paused = try await rig.put("box/paused")
            _ = try await rig.engine.pause(paused, true)
            let forecast = rig.engine.forecast(step: .seconds(3_600), steps: 4, client: nil)
            #expect(forecast.lanes.map(\.clients) == [[box], [drop]])
            #expect(forecast.lanes.map(\.accounts) == [4, 1])
            #expect(forecast.lanes.map(\.rate) == [5, nil])
            // Tokens of an hour are refreshed a little more often than once an hour.
            #expect(forecast.lanes[0].refreshes.reduce(0, +) >= 8)
            #expect(forecast.lanes[0].refreshes[0] == 2)
            #expect(forecast.lanes[1].refreshes[0] == 1)
            #expect(forecast.lanes.map(\.waiting) == [0, 0])
            let one = rig.engine.forecast(step: .seconds(60), steps: 10, client: drop)
            #expect(one.lanes.map(\.clients) == [[drop]])
            #expect(one.lanes[0].refreshes == Array(repeating: 0, count: 10))
        }
    }

    @Test func `clients of one endpoint and client id share a lane`() async throws {
        let names = [try ClientID("a"), try ClientID("b")]
        let rig = try Rig({ endpoint in
            var settings = EngineSettings(clients: [:], sinks: [:])
            for name in names {
                var client = try ClientSettings.client(name.name, endpoint)
                client.client.clientID = "one"
                client.client.tokenEndpoint = "https://one.example/token"
                settings.clients[name] = client
            }
            return settings
        })
        try await rig.run {
            for name in names { try await rig.put("\(name)/x") }
            let forecast = rig.engine.forecast(step: .seconds(3_600), steps: 1, client: names[1])
            #expect(forecast.lanes.map(\.clients) == [names])
            #expect(forecast.lanes.map(\.refreshes) == [[2]])
        }
    }
}
