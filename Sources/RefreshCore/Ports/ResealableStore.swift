/// A store whose records can be sealed anew, under another key, while it is in use.
///
/// Nothing else of an account changes by it: neither generation nor revision.
package protocol ResealableStore: Sendable {
    /// A page of what is sealed, in the order of names.
    ///
    /// - Parameters:
    ///   - after: The last name of the page before; nil for the first page.
    ///   - limit: How many at most, 1 or more.
    /// - Returns: The page; one shorter than `limit` is the last.
    /// - Throws: `StoreError` when the page cannot be read.
    func records(after: AccountID?, limit: Int) async throws(StoreError) -> [SealedRecord]

    /// Replaces sealed bytes, in one transaction.
    ///
    /// A record that has changed since it was read, or is gone, is left as it is: what came meanwhile is sealed under the
    /// writing key anyway.
    func reseal(_ changes: [Resealing]) async throws(StoreError)

    /// Writes down that nothing is sealed under any key but these: the others may be withdrawn.
    func retireKeys(except kept: Set<KeyID>) async throws(StoreError)
}

/// Everything sealed of one account.
package struct SealedRecord: Hashable, Sendable {
    package var account: AccountID
    package var generation: Generation
    package var token: SealedBytes
    package var grant: SealedBytes

    package init(account: AccountID, generation: Generation, token: SealedBytes, grant: SealedBytes) {
        self.account = account
        self.generation = generation
        self.token = token
        self.grant = grant
    }
}

/// A record as it was read, and the bytes that take the place of its own.
package struct Resealing: Hashable, Sendable {
    package var record: SealedRecord
    package var token: SealedBytes
    package var grant: SealedBytes

    package init(record: SealedRecord, token: SealedBytes, grant: SealedBytes) {
        self.record = record
        self.token = token
        self.grant = grant
    }
}
