import RefreshCore
import Testing

@testable import refreshd

/// Keys that only open.
@Suite struct OldKeysTests {
    private static func host(_ store: String) -> FakeHost {
        var host = FakeHost("[store]\nkey = { credential = \"store-key\" }\n\(store)\n")
        host.secrets[.credential("old")] = FakeHost.secret("fedcba9876543210fedcba9876543210")
        host.secrets[.file("/etc/refreshd/older")] = FakeHost.secret(String(repeating: "0f", count: 32) + "\n")
        host.secrets[.credential("short")] = FakeHost.secret("canary-short")
        return host
    }

    @Test func `old keys are read in their order`() throws {
        let host = Self.host("old_keys = [{ credential = \"old\" }, { file = \"/etc/refreshd/older\" }]")
        let keys = try host.load().oldKeys
        #expect(keys.map(\.reference) == [.credential("old"), .file("/etc/refreshd/older")])
        #expect(keys.map(\.key.count) == [32, 65])
        #expect(try Self.host("").load().oldKeys.isEmpty)
    }

    @Test(arguments: [
        (
            "old_keys = [{ credential = \"none\" }]",
            "store.old_keys[0]: the service manager passes no such credential; add LoadCredential= for it to the unit"
        ),
        (
            "old_keys = [{ credential = \"old\" }, { credential = \"short\" }]",
            "store.old_keys[1]: names something that is not a key; a key is 32 bytes, or 64 hexadecimal digits, or 44 "
                + "characters of base64"
        ),
        (
            "old_keys = [\"canary-key\"]",
            "store.old_keys[0]: a secret must not stand in the configuration itself; write { credential = \"name\" } or "
                + "{ file = \"/…\" }, and replace the secret"
        ),
        (
            "old_keys = { credential = \"old\" }",
            "store.old_keys: is a table, but must be a list; write it in brackets: [\"…\", \"…\"]"
        ),
        (
            "old_keys = [{ file = \"/a\", credential = \"old\" }]",
            "store.old_keys[0]: needs one of credential and file; write { credential = \"name\" } or { file = \"/…\" }"
        ),
    ])
    func `an old key that cannot be used is told with its place`(text: String, complaint: String) {
        #expect(Self.host(text).complaints() == ["\(FakeHost.main):3: \(complaint)"])
    }
}
