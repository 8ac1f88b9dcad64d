/// Attempts on the present generation of whose end nobody knows: the server may have spent the grant.
///
/// How many more there may be, and until when, is the replay rule's to say (facts, section 3).
package struct Doubt: Hashable, Sendable {
    /// How many, 1 or more.
    package var unknowns: Int
    /// When the first of them was released: a grace time counts from there.
    package var since: Timestamp

    package init(unknowns: Int, since: Timestamp) {
        self.unknowns = unknowns
        self.since = since
    }

    /// The doubt with its moment moved by `shift`: from the daemon's time line to UTC or back.
    package func shifted(by shift: Duration) -> Doubt { Doubt(unknowns: self.unknowns, since: self.since + shift) }
}
