import FoundationEssentials
import GRDB
package import RefreshCore

// Asked and told at the start and the end only, by whoever knows both the store and the journal. So none of it is part
// of the port.
extension SQLiteStore {
    package func mark() throws(StoreError) -> StoreMark {
        try self.perform { db in
            let sql = "SELECT revision, journal, settled, machine FROM meta WHERE one = 1"
            guard let row = try Row.fetchOne(db, sql: sql) else {
                throw StoreError.corrupt(nil, detail: "the store's identity is missing")
            }
            return StoreMark(
                revision: Revision(try row.value(0, of: nil)),
                journal: try row.value(1, of: nil),
                isSettled: try row.value(2, of: nil),
                machine: try row.value(3, of: nil)
            )
        }
    }

    /// Writes down which journal goes with the store, on which host, and whether attempts may be open from now on.
    ///
    /// Durable when it returns: false before the first attempt, true after the last.
    ///
    /// - Parameters:
    ///   - journal: The journal's own name, random.
    ///   - machine: Tells this host from others without naming it: a hash of the machine's id.
    ///   - isSettled: Whether no attempt can be open.
    /// - Throws: `StoreError.unavailable` when nothing is known to be written.
    package func bind(journal: String, machine: String, isSettled: Bool) throws(StoreError) {
        try self.transaction { db in
            try db.execute(
                sql: "UPDATE meta SET journal = ?, machine = ?, settled = ? WHERE one = 1",
                arguments: [journal, machine, isSettled]
            )
        }
    }

    /// Lifts the high-water mark to at least `revision`.
    ///
    /// A store that was found older than its journal, and accepted all the same, must not give out revisions twice.
    package func raise(to revision: Revision) throws(StoreError) {
        try self.transaction { db in
            try db.execute(
                sql: "UPDATE meta SET revision = max(revision, ?) WHERE one = 1",
                arguments: [revision.number]
            )
        }
    }

}

extension SQLiteStore: LaneArchive {
    /// As the port says; a lane's bytes are at least one, and an empty text is not kept.
    package func saveLanes(_ lanes: [String: [UInt8]]) throws(StoreError) {
        try self.transaction { db in
            try db.execute(sql: "DELETE FROM lane")
            let statement = try db.cachedStatement(sql: "INSERT INTO lane (endpoint_client, memory) VALUES (?, ?)")
            for (name, memory) in lanes where !memory.isEmpty {
                try statement.execute(arguments: [name, Data(memory)])
            }
        }
    }

    package func lanes() throws(StoreError) -> [String: [UInt8]] {
        try self.perform { db in
            let rows = try Row.fetchCursor(db, sql: "SELECT endpoint_client, memory FROM lane")
            var lanes: [String: [UInt8]] = [:]
            while let row = try rows.next() {
                let memory: Data = try row.value(1, of: nil)
                lanes[try row.value(0, of: nil)] = Array(memory)
            }
            return lanes
        }
    }
}
