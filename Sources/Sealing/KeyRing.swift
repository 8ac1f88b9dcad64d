import Crypto
import Glibc
package import RefreshCore

/// The keys of one store: one seals, all open.
///
/// A new key is put in front of the old one; values move over as their accounts are refreshed, or all at once by a rekey.
package struct KeyRing: Sendable {
    let writing: MasterKey
    private let keys: [KeyID: MasterKey]

    /// - Parameters:
    ///   - writing: Seals, and opens what it sealed.
    ///   - opening: Earlier keys, which only open.
    package init(writing: MasterKey, opening: [MasterKey] = []) {
        self.writing = writing
        self.keys = Dictionary(([writing] + opening).map { ($0.id, $0) }) { first, _ in first }
    }

    /// A ring of one key, given as a key file holds it; see `MasterKey.init(file:)`.
    package init(bytes: [UInt8]) throws(KeyFileError) { self.init(writing: try MasterKey(file: bytes)) }

    func key(named id: KeyID) -> MasterKey? { self.keys[id] }

    /// Whether it opens what was sealed under this key.
    package func has(_ id: KeyID) -> Bool { self.keys[id] != nil }

    /// Keeps the keys out of swap and of core files, as far as the system allows.
    ///
    /// Whole pages are locked, so whatever else is in them stays in memory as well. What is computed from a key and kept
    /// for the time of one call is not among it; that is for the process to see to, which has neither dumps nor swap.
    ///
    /// - Returns: Whether all of them are locked; false is worth a warning (`RLIMIT_MEMLOCK`).
    package func lockInMemory() -> Bool {
        self.keys.values.reduce(true) { isLocked, key in key.lockInMemory() && isLocked }
    }
}

/// 256 random bits, from which every value's own key is made.
package struct MasterKey: Sendable {
    static let count = 32

    private let key: SymmetricKey
    // Keyed once; every value starts from a copy.
    private let expansion: HMAC<SHA256>
    let id: KeyID

    /// A key nobody has had before.
    static func random() -> MasterKey { MasterKey(SymmetricKey(size: .bits256)) }

    init(_ key: SymmetricKey) {
        self.key = key
        self.expansion = HMAC(key: key)
        let id = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: key,
            info: Array("refreshd/1 key id".utf8),
            outputByteCount: KeyID.count
        )
        self.id = KeyID(unsafe id.withUnsafeBytes { unsafe Array($0) })
    }

    /// The key of one value.
    ///
    /// HKDF's second step alone: the first makes a uniform key out of one that is not, and this one is
    /// (RFC 5869 §3.3). For 32 bytes that step is one HMAC of the info and a byte 1, written out here because it is
    /// done a million times before a large store is loaded.
    /// The salt has a fixed length, so it needs no mark between it and the text before it.
    func subkey(salt: ArraySlice<UInt8>) -> SymmetricKey {
        var expansion = self.expansion
        expansion.update(data: Self.subkeyInfo + salt + [1])
        return SymmetricKey(data: expansion.finalize())
    }

    /// 16 bytes that only the key's holder can make of a text.
    func fingerprint(of text: [UInt8]) -> [UInt8] {
        var expansion = self.expansion
        expansion.update(data: Self.fingerprintInfo + text)
        return Array(expansion.finalize().prefix(16))
    }

    // No value's key can come out of it: that begins with another text.
    private static let fingerprintInfo = Array("refreshd/1 fingerprint".utf8)
    private static let subkeyInfo = Array("refreshd/1 value".utf8)

    func lockInMemory() -> Bool {
        unsafe self.key.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return true }
            let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
            let first = UInt(bitPattern: start) / page * page
            let end = UInt(bitPattern: start) + UInt(bytes.count)
            let length = Int((end - first + page - 1) / page * page)
            guard let pages = unsafe UnsafeMutableRawPointer(bitPattern: first) else { return false }
            return unsafe mlock(pages, length) == 0 && madvise(pages, length, MADV_DONTDUMP) == 0
        }
    }

    /// The bytes, for the file that keeps them.
    func revealBytes() -> [UInt8] { unsafe self.key.withUnsafeBytes { unsafe Array($0) } }
}
