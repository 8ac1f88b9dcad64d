import Dispatch
import GRDB
import Glibc
import KillPoints
import RefreshCore

extension SQLiteStore {
    /// How many 4 KiB pages are copied before whoever waits for a commit has its turn: some milliseconds' worth.
    private static let backupStep: Int32 = 512

    /// Makes a copy of the store, sealed as the store is, while it is in use.
    ///
    /// The copy has every commit that was acknowledged before the call. It is written under another name, with mode
    /// 0600, synced, and then linked: at the path there is a complete copy or nothing (facts A19). It says that attempts
    /// may be open, so that a store made out of it, without its journal, is noticed for what it is.
    ///
    /// - Parameter path: Absolute; there must be nothing.
    /// - Throws: `BackupError`, which names the path.
    package func backup(to path: String) async throws(BackupError) {
        guard path.hasPrefix("/") else { throw .notAbsolute(path) }
        guard !self.file.names.contains(path) else { throw .reserved(path) }
        var status = stat()
        guard unsafe lstat(path, &status) != 0 else { throw .exists(path) }
        guard !self.isBackingUp else { throw .alreadyRunning }
        self.isBackingUp = true
        defer { self.isBackingUp = false }

        let draft = StoreFile(path: path + ".incomplete")
        // What a backup that was interrupted left.
        draft.remove()
        do {
            try draft.create()
            try await self.copy(to: draft)
            try await Self.complete(draft)
            KillPoint.inBackup.pass()
            try draft.link(to: StoreFile(path: path))
            KillPoint.inBackup.pass()
            draft.remove()
        } catch {
            draft.remove()
            throw self.backupError(error, path)
        }
    }

    /// Copies step by step; between two steps others have their turn.
    private func copy(to draft: StoreFile) async throws {
        try self.beginCopy(to: draft)
        defer { self.backup = nil }
        while try !self.continueCopy() {
            KillPoint.inBackup.pass()
            await Task.yield()
        }
    }

    // Not by `perform`: what fails may be the copy, for which the store's connection is not given up.
    private func beginCopy(to draft: StoreFile) throws {
        self.backup = try self.connected().writeWithoutTransaction { db in try OnlineBackup(of: db, to: draft.path) }
    }

    /// - Returns: Whether that was all.
    private func continueCopy() throws -> Bool {
        // It has ended with its connection.
        guard let backup = self.backup else { throw StoreError.unavailable(detail: "the connection was given up") }
        let isDone = try self.connected().writeWithoutTransaction { _ in try backup.step(pages: Self.backupStep) }
        if isDone { try backup.end() }
        return isDone
    }

    /// Makes one complete, durable file of the copy.
    ///
    /// Not on the store's queue: to sync gigabytes takes seconds, for which no commit should wait.
    private static func complete(_ draft: StoreFile) async throws {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            DispatchQueue.global(qos: .utility).async { done.resume(with: Result { try Self.unsettle(draft) }) }
        }
    }

    /// Writes into the copy that attempts may be open.
    private static func unsettle(_ draft: StoreFile) throws {
        let connection = try Connection.open(draft)
        try Connection.useLog(connection)
        try connection.write { db in try db.execute(sql: "UPDATE meta SET settled = 0") }
        try Connection.checkpoint(connection)
        try connection.close()
        draft.removeLog()
        try draft.sync()
    }

    private func backupError(_ error: any Error, _ path: String) -> BackupError {
        switch error {
        case StoreOpeningError.failed(_, let detail) where detail == StoreFile.words(for: EEXIST): .exists(path)
        case StoreOpeningError.readOnly: self.unwritable(path, "no permission, or read-only for the daemon")
        case StoreOpeningError.failed(_, let detail): self.unwritable(path, detail)
        case let error as DatabaseError where error.resultCode == .SQLITE_FULL:
            self.unwritable(path, "the disk is full")
        case let error as DatabaseError: .storeUnavailable(detail: error.codeText)
        case StoreError.unavailable(let detail), StoreError.corrupt(_, let detail): .storeUnavailable(detail: detail)
        default: .storeUnavailable(detail: "\(type(of: error))")
        }
    }

    private func unwritable(_ path: String, _ why: String) -> BackupError {
        .unwritable(path, why: why, suggestion: self.file.folder)
    }
}
