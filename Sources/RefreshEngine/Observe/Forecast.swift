import OAuth
package import RefreshCore
import Synchronization

/// How many refreshes are to come, lane by lane, in steps of equal length.
///
/// What the schedule has set is counted, and what follows if every refresh goes well and the next token lives as long as
/// this one. What is asked for, refused or never answered is not foreseen.
package struct Forecast: Sendable {
    /// One lane: clients with the same endpoint and `client_id`, which share its rate.
    package struct Lane: Sendable {
        /// In the order of their names.
        package var clients: [ClientID]
        package var accounts = 0
        /// Accounts that wait for their turn, or are under way, now.
        package var waiting = 0
        /// The most requests a second; nil for no limit.
        package var rate: Double?
        /// For each step, how many refreshes fall due in it; what is overdue is in the first.
        package var refreshes: [Int]
    }

    /// When the first step begins.
    package let begin: Timestamp
    package let step: Duration
    /// In the order of their first clients.
    package internal(set) var lanes: [Lane]
    private let steps: Int

    /// - Parameters:
    ///   - begin: Now.
    ///   - step: More than zero.
    ///   - steps: 1 or more.
    ///   - lanes: Each with its clients, of which it has one at least.
    init(begin: Timestamp, step: Duration, steps: Int, lanes: [(clients: [ClientID], rate: Double?)]) {
        self.begin = begin
        self.step = step
        self.steps = steps
        self.lanes = lanes.map {
            Lane(clients: $0.clients, rate: $0.rate, refreshes: Array(repeating: 0, count: steps))
        }
    }

    /// Counts an account's refreshes.
    ///
    /// Takes time in proportion to the number of steps at most, however often the account is refreshed.
    ///
    /// - Parameters:
    ///   - due: The next one; nil for none.
    ///   - period: From one to the next; nil if the next is not known to be followed by any.
    ///   - lane: Its place in `lanes`.
    mutating func add(due: Timestamp?, period: Duration?, lane: Int) {
        guard let due else { return }
        let step = self.step.milliseconds
        let first = Swift.max((due - self.begin).milliseconds, 0)
        guard first / step < Int64(self.steps) else { return }
        guard let period = period?.milliseconds, period > 0 else {
            self.lanes[lane].refreshes[Int(first / step)] += 1
            return
        }
        // How many of first, first + period, … lie before a moment.
        func count(before moment: Int64) -> Int64 { moment <= first ? 0 : (moment - first - 1) / period + 1 }
        var place = Int(first / step)
        var counted: Int64 = 0
        while place < self.steps {
            let total = count(before: Int64(place + 1) * step)
            self.lanes[lane].refreshes[place] += Int(total - counted)
            counted = total
            // The step in which the next one lies: those between are empty.
            place = Swift.max(place + 1, Int((first + counted * period) / step))
        }
    }
}

extension Engine {
    /// How many accounts are looked at under one hold of the lock.
    private static let forecastPart = 4_096

    /// Foresees the refreshes of the time to come.
    ///
    /// Goes through the accounts in parts, so that nobody waits for it; what changes meanwhile may be missed or counted
    /// twice.
    ///
    /// - Parameters:
    ///   - step: More than zero.
    ///   - steps: 1 or more.
    ///   - client: Only the lane of this client; nil for all.
    /// - Returns: A count for each lane that has a client, also where there is nothing to come.
    package func forecast(step: Duration, steps: Int, client: ClientID?) -> Forecast {
        let settings = self.state.withLock { $0.settings }
        var clients: [LaneID: [ClientID]] = [:]
        for (id, client) in settings.clients { clients[client.client.lane, default: []].append(id) }
        let wanted = clients.filter { client == nil || $0.value.contains { $0 == client } }
        let sorted = wanted.map { (lane: $0.key, clients: $0.value.sorted()) }.sorted { $0.clients[0] < $1.clients[0] }
        let places = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($0.element.lane, $0.offset) })

        let now = self.clock.now
        var forecast = Forecast(
            begin: now,
            step: step,
            steps: steps,
            lanes: sorted.map { ($0.clients, settings.clients[$0.clients[0]]?.limits.rate) }
        )
        var next = 0
        while true {
            let (records, isLast) = self.state.withLock { state in
                let end = Swift.min(next + Self.forecastPart, state.records.count)
                guard next < end else { return ([AccountRecord](), true) }
                return (state.records[next..<end].compactMap { $0 }, end == state.records.count)
            }
            next += Self.forecastPart
            for record in records {
                guard let client = settings.clients[record.client], let lane = places[client.client.lane] else {
                    continue
                }
                forecast.add(record, client, lane: lane, at: now)
            }
            if isLast { return forecast }
        }
    }
}

extension Forecast {
    fileprivate mutating func add(_ record: AccountRecord, _ client: ClientSettings, lane: Int, at now: Timestamp) {
        self.lanes[lane].accounts += 1
        if record.machine.phase != .asleep {
            self.lanes[lane].waiting += 1
        } else if record.machine.isPaused {
            return
        }
        // Who is under way is done with the present refresh now, as far as one can foresee.
        guard let due = record.machine.phase == .asleep ? record.dueAt : now else { return }
        let renewed = record.facts.shifted(by: due - record.facts.issuedAt)
        // A grant without its first token has no lifetime to go by.
        let lives = renewed.expiresAt.map { $0 > renewed.issuedAt } ?? true
        let period = lives ? client.due(renewed, of: record.account).map { $0 - due } : nil
        self.add(due: due, period: period, lane: lane)
    }
}
