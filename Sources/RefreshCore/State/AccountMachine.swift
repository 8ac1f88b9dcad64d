/// The life of one account from one refresh to the next: events go in, what to do comes out.
///
/// ```
/// asleep ──due──► queued ──started──► inFlight ──answered──► committing ──settled──► asleep
///    ▲               └──────gave up, not sent─────┘                                    │
///    └──────────────────────────────────────────────────────────────────────────────────┘
/// ```
package struct AccountMachine: Hashable, Sendable {
    package enum Phase: Hashable, Sendable {
        /// Its timer is in the wheel, or it has none because only a person wakes it.
        case asleep
        /// Waits in its lane.
        case queued
        /// An attempt is on its way.
        case inFlight
        /// The attempt has ended; its result is on the way to the store.
        case committing
    }

    /// What the caller has to do.
    package enum Action: Hashable, Sendable {
        case none
        case enqueue
    }

    package private(set) var phase: Phase = .asleep
    package var standing: Standing
    package var isPaused: Bool
    /// Failures in a row.
    package private(set) var failures: Int
    /// Attempts on the present grant that ended unknown, in a row.
    package private(set) var unknowns: Int = 0
    /// When the first of them let its last byte go.
    package private(set) var firstUnknownAt: Timestamp?
    /// When the provider first said that the grant is over under a status that speaks of its own trouble (facts F08).
    package private(set) var doubtfulDeathAt: Timestamp?

    /// An account as it is read in.
    ///
    /// `doubt` is what is stored of attempts that ended unknown; an account can be in doubt without any, when its store
    /// has turned out to be an older one.
    package init(standing: Standing, isPaused: Bool = false, failures: Int = 0, doubt: Doubt? = nil) {
        self.standing = standing
        self.isPaused = isPaused
        self.failures = failures
        self.unknowns = doubt?.unknowns ?? (standing == .inDoubt ? 1 : 0)
        self.firstUnknownAt = doubt?.since
    }

    /// What has to be stored of attempts that ended unknown; nil when there were none.
    package var doubt: Doubt? {
        self.firstUnknownAt.map { Doubt(unknowns: self.unknowns, since: $0) }
    }

    /// Whether a request is under way or its result is being written down.
    package var isRefreshing: Bool { self.phase == .inFlight || self.phase == .committing }

    /// The timer fired; that of a static account when its token ends, so that it is told.
    package mutating func due() -> Action {
        guard !self.isPaused else { return .none }
        return self.wake()
    }

    /// Somebody asked for a refresh now; a pause does not stop a person.
    package mutating func asked() -> Action {
        guard self.standing != .static else { return .none }
        return self.wake()
    }

    private mutating func wake() -> Action {
        switch self.phase {
        case .asleep:
            self.phase = .queued
            return .enqueue
        case .queued, .inFlight, .committing:
            // In flight: a second request would spend a single-use refresh token twice, and a provider
            // that notices revokes the whole grant (RFC 9700 §4.14.2).
            return .none
        }
    }

    /// The lane let it go.
    ///
    /// - Returns: Whether there is something to send; false when it was called back while it waited.
    package mutating func started() -> Bool {
        guard self.phase == .queued else { return false }
        self.phase = .inFlight
        return true
    }

    /// The attempt ended, one way or another.
    package mutating func ended() {
        if self.phase == .inFlight { self.phase = .committing }
    }

    /// The result is durable: a new token.
    package mutating func renewed(standing: Standing) {
        self.phase = .asleep
        self.standing = standing
        self.failures = 0
        self.unknowns = 0
        self.firstUnknownAt = nil
        self.doubtfulDeathAt = nil
    }

    /// The result is durable: no new token.
    ///
    /// The moments are the judgement's: when the outcome became unknown, and when the provider, in trouble itself, said
    /// that the grant is over.
    package mutating func failed(standing: Standing, unknownAt: Timestamp?, doubtfulDeathAt: Timestamp? = nil) {
        self.phase = .asleep
        self.standing = standing
        self.failures += 1
        self.doubtfulDeathAt = self.doubtfulDeathAt ?? doubtfulDeathAt
        guard let unknownAt else { return }
        self.unknowns += 1
        self.firstUnknownAt = self.firstUnknownAt ?? unknownAt
    }

    /// The attempt was given up before anything was sent: nothing has happened.
    package mutating func gaveUp() { self.phase = .asleep }

    /// The account has a new grant, and an attempt on the old one may be under way: it goes on to its end.
    package mutating func takePhase(of present: AccountMachine) { self.phase = present.phase }

    /// A queued account is called back: removed, paused, or changed by a new configuration.
    package mutating func calledBack() {
        if self.phase == .queued { self.phase = .asleep }
    }
}
