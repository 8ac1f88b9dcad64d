import Glibc
import Logging
import RefreshCore
import RefreshEngine
import RotationJournal
import SQLiteStore
import Sealing

/// Store and journal as a pair: whether they belong together, and what follows if they do not.
///
/// Each knows how far the other had got. So a store that was restored, copied or left behind shows at the start, before
/// any refresh token in it is sent (facts T15, B15, B16, B19).
struct AttemptRecords: Sendable {
    let store: SQLiteStore
    let journal: RotationJournal
    let history: StoreHistory
    private let machine: String

    /// Opens the journal of a store, or makes it.
    ///
    /// `fallback` is the folder for a second file, should the one at `path` fail. With `acceptsLoss` a journal that is gone
    /// is made anew all the same: an operator said so.
    ///
    /// - Throws: `JournalOpeningError`, `StoreError`, or `StartError.journalMissing`.
    init(
        store: SQLiteStore,
        path: String,
        fallback: String?,
        acceptsLoss: Bool,
        sealer: AEADSealer,
        clock: any WallClock,
        logger: Logger
    ) async throws {
        let mark = try await store.mark()
        let isThere = try RotationJournal.exists(path: path, fallback: fallback)
        if !isThere, mark.journal != nil, !mark.isSettled, !acceptsLoss {
            throw StartError.journalMissing(path: path)
        }
        self.store = store
        self.journal = try RotationJournal.open(
            path: path,
            fallback: fallback,
            store: store.identity.store,
            sealer: sealer,
            boot: Host.bootID,
            newID: StoreID.random().text,
            clock: clock,
            logger: logger
        )
        self.machine = sealer.fingerprintText(of: Host.machineID)
        self.history = Self.history(
            mark,
            journal: self.journal.id,
            journalMark: self.journal.mark,
            isJournalNew: !isThere,
            machine: self.machine
        )
    }

    /// What the two say of each other.
    static func history(
        _ mark: StoreMark,
        journal: String,
        journalMark: Revision,
        isJournalNew: Bool,
        machine: String
    ) -> StoreHistory {
        guard let known = mark.journal else { return .continuous }
        if isJournalNew {
            return mark.isSettled
                ? .continuous : .broken("the attempt journal is gone, and the last stop was not a clean one")
        }
        if known != journal { return .broken("the attempt journal is not the one that the store was used with") }
        if mark.revision < journalMark {
            return .broken(
                "the store is older than its attempt journal (commit \(mark.revision.number) of \(journalMark.number)): it was restored or copied"
            )
        }
        if let before = mark.machine, before != machine, !mark.isSettled {
            return .broken("the store was copied from another machine while it was in use")
        }
        return .continuous
    }

    /// Ties the two together, once what was in doubt is written down and before anything new is spent.
    func bind() async throws(StoreError) {
        try await self.store.raise(to: self.journal.mark)
        try await self.store.bind(journal: self.journal.id, machine: self.machine, isSettled: false)
    }

    /// Writes down that nothing is open, and closes the store.
    func close() async {
        if self.journal.openSlots == 0 {
            // If it cannot be written, the next start looks at the journal as after a kill.
            try? await self.store.bind(journal: self.journal.id, machine: self.machine, isSettled: true)
        }
        await self.store.close()
    }
}

/// What the host says of itself.
enum Host {
    /// Another one after each boot; empty where the kernel does not tell.
    static var bootID: String { Self.line("/proc/sys/kernel/random/boot_id") }

    /// The same as long as the system is installed; empty where there is none.
    static var machineID: String { Self.line("/etc/machine-id") }

    private static func line(_ path: String) -> String {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = unsafe read(file, &bytes, bytes.count)
        guard count > 0 else { return "" }
        return String(decoding: bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}

extension AEADSealer {
    /// A machine's name as only this store's keeper can compute it: it is nobody else's business (machine-id(5)).
    fileprivate func fingerprintText(of name: String) -> String {
        self.fingerprint(of: Secret(name)).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}
