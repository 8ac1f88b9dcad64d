import RefreshCore
import Sealing
import TestSupport
import Testing

@testable import SQLiteStore

/// Cookie jars beside accounts, and what becomes of them when those go.
@Suite struct JarTests {
    let folder: TemporaryFolder

    init() throws { self.folder = try TemporaryFolder() }

    private func key(_ number: Int, storageKey: String = "gdrive", publicKey: String = "demo") throws -> JarKey {
        JarKey(account: try Sample.account(number), publicKey: publicKey, storageKey: storageKey)
    }

    private func bytes(_ text: String) -> SealedBytes { SealedBytes(Array("12345678\(text)".utf8)) }

    @Test func `each account has one jar for each public key and storage key`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        for number in 1...2 { try await store.add(try Sample.account(number)) }
        let keys = [
            try self.key(1), try self.key(2), try self.key(1, storageKey: "box"), try self.key(1, publicKey: "other"),
        ]
        for (number, key) in keys.enumerated() {
            #expect(try await store.jar(key) == nil)
            try await store.keep(SealedJar(key: key, cookies: self.bytes("first \(number)")))
            try await store.keep(SealedJar(key: key, cookies: self.bytes("\(number)")))
        }
        for (number, key) in keys.enumerated() { #expect(try await store.jar(key) == self.bytes("\(number)")) }
        #expect(try await store.farewells(after: 0, limit: 10).isEmpty)
        await store.close()
    }

    @Test func `an account that goes leaves its jars to be said farewell to, once, over a restart`() async throws {
        let first = try SQLiteStore.open(in: self.folder)
        for number in 1...2 { try await first.add(try Sample.account(number)) }
        let jars = [
            SealedJar(key: try self.key(1), cookies: self.bytes("a")),
            SealedJar(key: try self.key(1, storageKey: "box"), cookies: self.bytes("b")),
        ]
        for jar in jars { try await first.keep(jar) }
        try await first.keep(SealedJar(key: try self.key(2), cookies: self.bytes("c")))
        _ = try await first.edit([.remove(try Sample.account(1))])
        #expect(try await first.jar(jars[0].key) == nil)
        // It comes again, and has nothing to do with what was.
        try await first.add(try Sample.account(1))
        #expect(try await first.jar(jars[0].key) == nil)
        await first.close()

        let store = try SQLiteStore.open(in: self.folder)
        let farewells = try await store.farewells(after: 0, limit: 10)
        #expect(Set(farewells.map(\.jar)) == Set(jars))
        let numbers = farewells.map(\.number)
        #expect(numbers == numbers.sorted())
        #expect(try await store.farewells(after: numbers[0], limit: 10).map(\.number) == [numbers[1]])
        #expect(try await store.farewells(after: 0, limit: 1).map(\.number) == [numbers[0]])
        for number in numbers { try await store.forget(farewell: number) }
        #expect(try await store.farewells(after: 0, limit: 10).isEmpty)
        #expect(try await store.jar(try self.key(2)) == self.bytes("c"))
        await store.close()
    }

    @Test func `a jar that comes after its account has gone is one more farewell`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        let jar = SealedJar(key: try self.key(1), cookies: self.bytes("late"))
        try await store.keep(jar)
        #expect(try await store.jar(jar.key) == nil)
        #expect(try await store.farewells(after: 0, limit: 10).map(\.jar) == [jar])
        await store.close()
    }

    @Test func `jars are sealed anew with the rest, farewells too`() async throws {
        let store = try SQLiteStore.open(in: self.folder)
        for number in 1...3 { try await store.add(try Sample.account(number)) }
        for number in 1...3 {
            try await store.keep(SealedJar(key: try self.key(number), cookies: self.bytes("old \(number)")))
        }
        _ = try await store.edit([.remove(try Sample.account(1))])
        let (kept, new) = (self.bytes("old 2"), self.bytes("new"))
        try await store.resealJars { $0.cookies == kept ? nil : new }
        #expect(try await store.jar(try self.key(2)) == kept)
        #expect(try await store.jar(try self.key(3)) == new)
        #expect(try await store.farewells(after: 0, limit: 10).map(\.jar.cookies) == [new])
        await store.close()
    }

    @Test func `a jar opens for its own account, public key and storage key, and for no other`() throws {
        let sealer = AEADSealer(keys: try KeyRing(bytes: [UInt8](repeating: 1, count: 32)))
        let store = StoreID.random()
        let own = try self.key(1)
        let sealed = try sealer.seal(Array("canary-jar".utf8), at: SealingPlace(jarOf: store, own))
        #expect(try sealer.open(sealed, at: SealingPlace(jarOf: store, own)) == Secret("canary-jar"))
        let others = [
            try self.key(2), try self.key(1, storageKey: "box"), try self.key(1, publicKey: "other"),
            try self.key(1, storageKey: "demo", publicKey: "gdrive"),
        ]
        for other in others {
            #expect(throws: SealingError.refused) { try sealer.open(sealed, at: SealingPlace(jarOf: store, other)) }
        }
    }
}
