import RefreshCore
import TestSupport

/// How one request to a provider goes.
enum Fate: Hashable, Sendable {
    case answered
    /// It never leaves.
    case notSent
    /// It leaves, and the connection ends without an answer.
    case closed(acts: Bool)
    /// It leaves, and nothing ever comes.
    case silent(acts: Bool)
    /// 429 or 503, with or without `Retry-After`.
    case busy(status: Int, retryAfter: Int?)
    /// A failure of the server's own, which says nothing of what it did.
    case broken(acts: Bool)
    /// `invalid_client`.
    case rejected
    /// It acts, and what comes is no token answer.
    case garbled
    /// It acts, and the answer holds the refresh token alone.
    case partial
}

/// What a provider is like for a while.
enum LaneWeather: CaseIterable, Sendable {
    case clear, unreachable, silent, busy, limited, broken, rejecting
}

/// What the store is like for a while.
enum StoreWeather: CaseIterable, Sendable {
    case clear
    /// Nothing can be written.
    case full
    /// What is written is told as failed.
    case lying
    /// Nothing can be read or written.
    case away
}

/// What the attempt journal is like for a while.
enum JournalWeather: CaseIterable, Sendable {
    case clear
    /// Every slot is taken.
    case full
    /// Answers cannot be written down.
    case unkept
    /// Nothing can be written.
    case failing
}

/// What a world is made of: drawn once, from the seed.
struct Climate: Sendable {
    struct Lane: Sendable {
        var terms: Ledger.Terms
        var limits: LaneLimits
        /// One request in so many has a fate of its own; 0 for none.
        var faultsOneIn: Int
    }

    var lanes: [Lane]
    /// The lane of each account.
    var accounts: [Int]
    var users: Int
    var span: Duration
    /// Between two events that nobody planned.
    var pace: Duration

    init(using random: inout SeededGenerator) {
        // Seconds, hours or weeks: short lives meet every race, long ones the timers of days.
        let lifetimes: ClosedRange<Double>
        let count: Int
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<3:
            lifetimes = 5...120
            self.span = .seconds(Int64.random(in: 60...240, using: &random))
            count = Int.random(in: 2...5, using: &random)
        case 3..<5:
            lifetimes = 600...14_400
            self.span = .seconds(Int64.random(in: 10_000...40_000, using: &random))
            count = Int.random(in: 3...8, using: &random)
        case 5:
            // Many at once: lanes are full, and rates count.
            lifetimes = 900...3_600
            self.span = .seconds(Int64.random(in: 1_000...4_000, using: &random))
            count = Int.random(in: 15...30, using: &random)
        default:
            lifetimes = 86_400...5_184_000
            self.span = .seconds(Int64.random(in: 550_000...1_100_000, using: &random))
            count = Int.random(in: 2...5, using: &random)
        }
        self.pace = self.span / Int.random(in: 10...40, using: &random)
        self.lanes = (0..<Int.random(in: 1...3, using: &random)).map { _ in
            let share = Double.random(in: 0...1, using: &random)
            // Spread over the orders of magnitude, not over the seconds.
            var seconds = lifetimes.lowerBound
            let steps = 16
            for _ in 0..<Int(share * Double(steps)) {
                seconds *= Self.root(lifetimes.upperBound / lifetimes.lowerBound)
            }
            let habit = Self.habit(using: &random)
            return Lane(
                terms: Ledger.Terms(
                    habit: habit,
                    lifetime: .seconds(Int64(seconds)),
                    repeatsAnswer: habit.killsAccessToken
                ),
                limits: LaneLimits(
                    rate: Bool.random(using: &random) ? nil : Double.random(in: 0.5...20, using: &random),
                    concurrency: Int.random(in: 1...6, using: &random)
                ),
                faultsOneIn: [0, 8, 20, 40].randomElement(using: &random) ?? 0
            )
        }
        let laneCount = self.lanes.count
        self.accounts = (0..<count).map { $0 % laneCount }
        self.users = Int.random(in: 1...count, using: &random)
    }

    /// The sixteenth root, by Newton.
    private static func root(_ value: Double) -> Double {
        var root = value
        for _ in 0..<4 { root = root.squareRoot() }
        return root
    }

    private static func habit(using random: inout SeededGenerator) -> RotationHabit {
        let kill = Bool.random(using: &random)
        func habit(_ rotation: Rotation, _ blast: Blast, grace: Duration = .zero) -> RotationHabit {
            RotationHabit(rotation: rotation, blast: blast, grace: grace, killsAccessToken: kill)
        }
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return habit(.none, .none)
        case 1: return habit(.parallel, .none)
        case 2, 3:
            return habit(.grace, .family, grace: .seconds(Int64.random(in: 10...600, using: &random)))
        case 4: return habit(.onUse, .family)
        case 5: return habit(.singleUse, .none)
        case 6, 7: return habit(.singleUse, .family)
        case 8: return habit(.singleUse, .clientUser)
        default: return habit(.unknown, .clientUser)
        }
    }
}
