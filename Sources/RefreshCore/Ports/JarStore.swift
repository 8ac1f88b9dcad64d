/// Whose cookies are in a jar: one account's, as one project, at one storage key.
///
/// The far side sees one session for each of them, and not one for all.
package struct JarKey: Hashable, Sendable {
    package var account: AccountID
    /// `[A-Za-z0-9_-]{1,64}`.
    package var publicKey: String
    /// `[A-Za-z0-9_-]{1,64}`.
    package var storageKey: String

    package init(account: AccountID, publicKey: String, storageKey: String) {
        self.account = account
        self.publicKey = publicKey
        self.storageKey = storageKey
    }
}

/// A jar as it is stored.
package struct SealedJar: Hashable, Sendable {
    package var key: JarKey
    package var cookies: SealedBytes

    package init(key: JarKey, cookies: SealedBytes) {
        self.key = key
        self.cookies = cookies
    }
}

/// The jar of an account that was removed: its session has to be closed yet.
package struct Farewell: Hashable, Sendable {
    /// Never used twice.
    package var number: Int64
    package var jar: SealedJar

    package init(number: Int64, jar: SealedJar) {
        self.number = number
        self.jar = jar
    }
}

/// Where cookie jars live: durable and sealed, beside the accounts they belong to.
///
/// The removal of an account makes farewells of its jars, in one transaction.
package protocol JarStore: Sendable {
    /// - Returns: Nil when there is no such jar.
    func jar(_ key: JarKey) async throws(StoreError) -> SealedBytes?

    /// Puts a jar in the place of the one there was.
    ///
    /// One whose account has gone meanwhile becomes a farewell.
    func keep(_ jar: SealedJar) async throws(StoreError)

    /// A page of farewells in the order of their numbers, from the first one behind `after`.
    func farewells(after: Int64, limit: Int) async throws(StoreError) -> [Farewell]

    /// Forgets a farewell: it has been said, or will never be.
    func forget(farewell number: Int64) async throws(StoreError)

    /// Seals every jar anew that `change` gives other bytes for, in one transaction.
    ///
    /// - Parameter change: Called for each jar, farewells too; nil leaves it as it is.
    /// - Throws: `StoreError` when nothing is written.
    func resealJars(_ change: @Sendable (SealedJar) -> SealedBytes?) async throws(StoreError)
}

extension SealingPlace {
    /// The place of a jar: what it opens for is part of it, so that no account is given another one's session.
    package init(jarOf store: StoreID, _ key: JarKey) {
        self.init(store: store, account: key.account, column: .cookies, generation: Generation(0))
        // No part holds a line end.
        self.account = "\(key.account.name)\n\(key.publicKey)\n\(key.storageKey)"
    }
}
