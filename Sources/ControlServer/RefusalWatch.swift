import RefreshCore
import Synchronization

/// Notices a user who tries names: many refusals within a minute are one warning (facts T2).
///
/// One refusal tells its caller nothing, and a program with a stale list meets a few. Hundreds are somebody who looks for
/// accounts that he has not been given, and a person should know.
final class RefusalWatch: Sendable {
    static let window: Duration = .seconds(60)
    /// How long a user who has been told of is not told of again.
    static let silence: Duration = .seconds(600)
    /// Users that are watched at once; more are a sign of nothing but a busy host, and the oldest are forgotten.
    private static let mostUsers = 1_024

    private struct Tally {
        var began: Timestamp
        var count = 0
        var toldAt: Timestamp?
    }

    /// Refusals within the window from which on a user is told of.
    private let threshold: Int
    private let tallies = Mutex<[UInt32: Tally]>([:])

    init(threshold: Int) { self.threshold = threshold }

    /// Notes that a call of this user was refused, or named what does not exist.
    ///
    /// - Returns: How many that makes within the window, if it is time to tell of them.
    func note(_ uid: UInt32, at now: Timestamp) -> Int? {
        self.tallies.withLock { tallies in
            if tallies.count >= Self.mostUsers, tallies[uid] == nil {
                tallies = tallies.filter { now - $0.value.began < Self.silence }
                if tallies.count >= Self.mostUsers { tallies = [:] }
            }
            var tally = tallies[uid] ?? Tally(began: now)
            if now - tally.began >= Self.window {
                tally.began = now
                tally.count = 0
            }
            tally.count += 1
            defer { tallies[uid] = tally }
            guard tally.count >= self.threshold, tally.toldAt.map({ now - $0 >= Self.silence }) ?? true else {
                return nil
            }
            tally.toldAt = now
            return tally.count
        }
    }
}
