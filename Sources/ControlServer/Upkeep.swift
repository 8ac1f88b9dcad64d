package import RefreshEngine

/// What an operator may have done to the daemon's own files.
///
/// The first line of an error's description goes to the caller.
package struct Upkeep: Sendable {
    /// Makes a copy of the store at an absolute path.
    package var backup: @Sendable (_ path: String) async throws -> Void
    /// Seals everything anew under the writing key, and tells how far it is now and then.
    package var rekey: @Sendable (_ tell: (Rekeyer.Progress) async -> Void) async throws -> Rekeyer.Progress

    package init(
        backup: @escaping @Sendable (_ path: String) async throws -> Void,
        rekey: @escaping @Sendable (_ tell: (Rekeyer.Progress) async -> Void) async throws -> Rekeyer.Progress
    ) {
        self.backup = backup
        self.rekey = rekey
    }
}
