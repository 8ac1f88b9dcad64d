/// What sealed bytes say of their key: their first 8 bytes, a hash that only the key's holder can compute.
///
/// So keys need no names in the configuration, a wrong key is told apart from damage, and a store can count what is
/// sealed under a key that it has never seen.
package struct KeyID: Hashable, Sendable {
    /// How many bytes.
    package static let count = 8

    package let bytes: [UInt8]

    /// Takes the first 8 bytes.
    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes.prefix(Self.count)) }
}

extension SealedBytes {
    /// The key that they were sealed under.
    package var key: KeyID { KeyID(self.bytes) }
}
