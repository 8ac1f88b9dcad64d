/// Bytes under a key; a store sees nothing else of a secret.
package struct SealedBytes: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// What sealed bytes are bound to: opened for another place, they do not open.
///
/// So a value copied to another store, account, column or generation is refused (facts B13, T6).
package struct SealingPlace: Hashable, Sendable {
    /// The secret columns.
    package enum Column: String, Hashable, Sendable {
        case accessToken = "access_token"
        case grant
        /// A fixed text, sealed when the store is made: whether it opens tells whether the key is right.
        case keyCheck = "key_check"
        /// A record of the attempt journal.
        case journal
        /// A cookie jar.
        case cookies
    }

    package var store: StoreID
    package var account: String
    package var column: Column
    package var generation: Generation

    package init(store: StoreID, account: AccountID, column: Column, generation: Generation) {
        self.store = store
        self.account = account.name
        self.column = column
        self.generation = generation
    }

    /// The place of the store's own key check, which belongs to no account.
    package init(keyCheckOf store: StoreID) {
        self.store = store
        self.account = ""
        self.column = .keyCheck
        self.generation = Generation(0)
    }

    /// The place of one record in the attempt journal.
    ///
    /// - Parameters:
    ///   - store: Whose journal it is.
    ///   - record: Names file, slot and part, without a zero byte: so a record that was moved does not open.
    ///   - sequence: Counts the uses of the slot: so what an earlier use left does not open either.
    package init(journalOf store: StoreID, record: String, sequence: Int64) {
        self.store = store
        self.account = record
        self.column = .journal
        self.generation = Generation(sequence)
    }

    /// The associated data: its parts with a zero byte, which no part can hold, between them.
    package var associatedData: [UInt8] {
        var data: [UInt8] = []
        for part in ["refreshd/1", self.store.text, self.account, self.column.rawValue] {
            data.append(contentsOf: part.utf8)
            data.append(0)
        }
        data.append(contentsOf: self.generation.description.utf8)
        return data
    }
}

/// The random name that a store gets when it is made, 32 hexadecimal digits.
package struct StoreID: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }
}
