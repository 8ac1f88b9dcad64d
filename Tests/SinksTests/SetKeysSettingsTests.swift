import NIOPosix
import RefreshCore
import Sinks
import Testing

@Suite struct SetKeysSettingsTests {
    @Test(arguments: ["gdrive", "a", "My_Key-2", String(repeating: "x", count: 64)])
    func `a storage key is one plain path segment`(text: String) throws {
        #expect(try StorageKey(text).text == text)
    }

    @Test(arguments: [
        "", ".", "..", "a/b", "a%2Fb", "a b", "a?b", "a#b", "é", "a\n", String(repeating: "x", count: 65),
    ])
    func `what could be more than a path segment is no storage key and no public key`(text: String) throws {
        #expect(throws: SinkSettingsError.storageKey) { try StorageKey(text) }
        #expect(throws: SinkSettingsError.publicKey) {
            try SetKeysSettings(
                url: EndpointURL("https://social.example.com", insecureLoopback: false),
                publicKey: text,
                storageKeys: [:]
            )
        }
    }

    @Test func `an address with a query of its own is refused`() throws {
        #expect(throws: SinkSettingsError.query) {
            try SetKeysSettings(
                url: EndpointURL("https://social.example.com/?public_key=other", insecureLoopback: false),
                publicKey: "demopublickey",
                storageKeys: [:]
            )
        }
    }
}
