package import RefreshCore
import Synchronization

/// The current tokens in memory, rendered for the socket: striped, synchronous, never a source of truth.
///
/// Read by every `GetToken` and written once for each publish; a lock is held for one look-up, never across I/O.
package final class TokenTable: Sendable {
    private final class Stripe: Sendable {
        // By fingerprint: a look-up hashes 64 bits instead of a text. Those who share one are linked.
        let entries = Mutex<[UInt64: RenderedToken]>([:])
    }

    private let stripes = (0..<256).map { _ in Stripe() }

    package init() {}

    private func stripe(_ fingerprint: UInt64) -> Stripe { self.stripes[Int(truncatingIfNeeded: fingerprint & 0xFF)] }

    /// The rendered token of an account.
    ///
    /// - Parameters:
    ///   - fingerprint: `AccountID.fingerprint(of:)` of the name.
    ///   - name: The bytes of the name.
    /// - Returns: Nil when the table has no token of that name.
    package func token(_ fingerprint: UInt64, named name: Span<UInt8>) -> RenderedToken? {
        var entry = self.stripe(fingerprint).entries.withLock { $0[fingerprint] }
        while let found = entry {
            if Self.isEqual(found.account.name.utf8.span, name) { return found }
            entry = found.next
        }
        return nil
    }

    // Not `elementsEqual`: for views of another module it compares byte by byte through witness tables.
    private static func isEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }

    package func token(for account: AccountID) -> RenderedToken? {
        self.token(account.fingerprint, named: account.name.utf8.span)
    }

    /// Puts a token in place of an older one of the same account.
    ///
    /// Of two that arrive out of order the newer generation stays; the same generation may be rendered anew.
    package func publish(_ token: RenderedToken) {
        self.replace(token.account) { present in
            if let present, present.generation > token.generation { present } else { token }
        }
    }

    /// Changes the warning that goes with an account's present token, or takes it away.
    package func warn(_ account: AccountID, _ warning: String?) {
        self.replace(account) { $0?.warning(warning) }
    }

    /// Changes the end of an account's present token, which is told with `utcShift` added.
    func expire(_ account: AccountID, at moment: Timestamp, utcShift: Duration) {
        self.replace(account) { $0?.expiring(at: moment, utcShift: utcShift) }
    }

    package func remove(_ account: AccountID) {
        self.replace(account) { _ in nil }
    }

    /// Tells every expiry anew, after the wall clock was set.
    package func retell(utcShift: Duration) {
        for stripe in self.stripes {
            for entry in stripe.entries.withLock({ Array($0.values) }) {
                var entry: RenderedToken? = entry
                while let token = entry {
                    self.replace(token.account) { $0?.retold(utcShift: utcShift) }
                    entry = token.next
                }
            }
        }
    }

    private func replace(_ account: AccountID, _ change: (RenderedToken?) -> RenderedToken?) {
        self.stripe(account.fingerprint).entries.withLock { entries in
            var present: RenderedToken?
            var others: RenderedToken?
            var entry = entries[account.fingerprint]
            while let token = entry {
                entry = token.next
                if token.account == account { present = token } else { others = token.linked(to: others) }
            }
            entries[account.fingerprint] = change(present).map { $0.linked(to: others) } ?? others
        }
    }
}
