package import RefreshCore

/// Cookie jars in memory, and the farewells that a removal makes of them.
package actor InMemoryJars: JarStore {
    private var jars: [JarKey: SealedBytes] = [:]
    private var farewells: [Farewell] = []
    private var removed: Set<AccountID> = []
    private var next: Int64 = 1

    package init() {}

    package func jar(_ key: JarKey) -> SealedBytes? { self.jars[key] }

    package func keep(_ jar: SealedJar) {
        if self.removed.contains(jar.key.account) { self.bid(jar) } else { self.jars[jar.key] = jar.cookies }
    }

    package func farewells(after: Int64, limit: Int) -> [Farewell] {
        Array(self.farewells.filter { $0.number > after }.prefix(limit))
    }

    package func forget(farewell number: Int64) { self.farewells.removeAll { $0.number == number } }

    package func resealJars(_ change: @Sendable (SealedJar) -> SealedBytes?) {
        for (key, cookies) in self.jars {
            self.jars[key] = change(SealedJar(key: key, cookies: cookies)) ?? cookies
        }
    }

    /// What the removal of an account does.
    package func remove(_ account: AccountID) {
        self.removed.insert(account)
        for (key, cookies) in self.jars where key.account == account {
            self.jars[key] = nil
            self.bid(SealedJar(key: key, cookies: cookies))
        }
    }

    private func bid(_ jar: SealedJar) {
        self.farewells.append(Farewell(number: self.next, jar: jar))
        self.next += 1
    }
}
