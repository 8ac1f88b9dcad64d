package import RefreshCore

/// What the store says of itself at the start, to be held against what the journal says.
///
/// The two are written in turns. Where they disagree, one of them is older than it should be, or not of this host: then
/// the grants in the store may be spent already (facts B15, B16, B19, T15).
package struct StoreMark: Hashable, Sendable {
    /// The high-water mark: no commit has had a later one.
    package var revision: Revision
    /// Which journal goes with this store; nil before the first.
    package var journal: String?
    /// Whether no attempt can be open: the daemon that bound it last has stopped cleanly.
    package var isSettled: Bool
    /// The host that bound it last; nil before the first.
    package var machine: String?

    package init(revision: Revision, journal: String?, isSettled: Bool, machine: String?) {
        self.revision = revision
        self.journal = journal
        self.isSettled = isSettled
        self.machine = machine
    }
}
