import OAuth
import RefreshCore
import Synchronization

/// The attempts of late, for `explain`: how far each got, and what came back.
///
/// Two rings of fixed size, so that a flood of good refreshes does not push out what went wrong; it costs nothing for
/// an account that is left alone.
final class AttemptLog: Sendable {
    struct Entry: Sendable {
        var account: AccountID
        var generation: Generation
        var startedAt: Timestamp
        /// When the last byte was let go; nil when it never was.
        var sentAt: Timestamp?
        var endedAt: Timestamp
        /// What came back, in our own words.
        var outcome: String
        var isGood: Bool
    }

    private struct Ring {
        private var entries: [Entry] = []
        private var next = 0
        private let capacity: Int

        init(capacity: Int) { self.capacity = capacity }

        mutating func append(_ entry: Entry) {
            if self.entries.count < self.capacity {
                self.entries.append(entry)
            } else {
                self.entries[self.next] = entry
            }
            self.next = (self.next + 1) % self.capacity
        }

        func entries(of account: AccountID) -> [Entry] { self.entries.filter { $0.account == account } }
    }

    private let rings: Mutex<(good: Ring, bad: Ring)>

    init(capacity: Int = 8_192) {
        self.rings = Mutex((Ring(capacity: capacity), Ring(capacity: capacity)))
    }

    func note(
        _ ticket: EngineState.Ticket,
        _ startedAt: Timestamp,
        sentAt: Timestamp?,
        endedAt: Timestamp,
        _ result: Result<RefreshVerdict, EndpointError>
    ) {
        let (outcome, isGood) =
            switch result {
            case .success(.renewed(let token)):
                (token.refreshToken == nil ? "a new token" : "a new token and a new refresh token", true)
            case .success(.salvaged): ("a new refresh token and no token", false)
            case .success(.refused(_, let message, retryAfter: _)): (message, false)
            case .failure(let error): (error.reason.sentence, false)
            }
        let entry = Entry(
            account: ticket.account,
            generation: ticket.generation,
            startedAt: startedAt,
            sentAt: sentAt,
            endedAt: endedAt,
            outcome: outcome,
            isGood: isGood
        )
        self.rings.withLock { rings in
            if isGood { rings.good.append(entry) } else { rings.bad.append(entry) }
        }
    }

    /// The last few attempts of an account, the oldest first.
    func entries(of account: AccountID, limit: Int = 8) -> [Entry] {
        let found = self.rings.withLock { $0.good.entries(of: account) + $0.bad.entries(of: account) }
        return Array(found.sorted { $0.startedAt < $1.startedAt }.suffix(limit))
    }
}
