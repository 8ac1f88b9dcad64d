import NIOCore
import Synchronization

/// Everything that changes while the server runs, behind one lock.
///
/// The lock is held for a look-up and a few array writes, never across a wait: several thousand requests a second take
/// their turn without noticing each other.
final class PracticeState: Sendable {
    struct Contents: Sendable {
        var ledger: Ledger
        var faults = FaultBook()
    }

    let contents: Mutex<Contents>
    let clock: PracticeClock
    let turnstile = Turnstile()
    let connections = OpenConnections()
    let acceptsUnknownAccessTokens: Bool
    private let group: any EventLoopGroup

    init(canary: String, clock: PracticeClock, acceptsUnknownAccessTokens: Bool, group: any EventLoopGroup) {
        self.contents = Mutex(Contents(ledger: Ledger(canary: canary)))
        self.clock = clock
        self.acceptsUnknownAccessTokens = acceptsUnknownAccessTokens
        self.group = group
    }

    /// Returns when every delivery that a client can have seen is in the ledger.
    ///
    /// A client may hold the last byte a moment before the event loop that sent it comes to enter it. The entry follows
    /// in the same turn of the loop, so one turn of each loop is enough.
    func settle() async {
        for loop in self.group.makeIterator() { try? await loop.submit {}.get() }
    }

    /// Looks at the ledger, or changes it, at the clock's time.
    func ledger<R: Sendable>(_ body: (inout Ledger, Double) -> R) -> R {
        let now = self.clock.now
        return self.contents.withLock { body(&$0.ledger, now) }
    }
}

/// A redeem that is under way, from the moment its request was read until it is answered or lost.
final class Redeem: Sendable {
    private let state: PracticeState
    private let grant: Mutex<Int?>

    init(grant: Int?, state: PracticeState) {
        self.grant = Mutex(grant)
        self.state = state
    }

    /// Twice is fine.
    func end() {
        let grant = self.grant.withLock { grant in
            defer { grant = nil }
            return grant
        }
        if let grant { self.state.ledger { ledger, _ in ledger.redeemEnded(grant: grant) } }
    }

    // A connection may go before the body of its answer is ever asked for.
    deinit { self.end() }
}
