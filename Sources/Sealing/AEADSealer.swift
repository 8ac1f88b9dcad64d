import Crypto
import FoundationEssentials
package import RefreshCore

/// Seals with AES-256-GCM, each value under a key of its own.
///
/// ```
/// | key id 8 | salt 32 | nonce 12 | ciphertext … | tag 16 |
/// ```
///
/// The salt is random and makes the value's own key out of the master key (HKDF-Expand with SHA-256), so that no number of values
/// brings a nonce under one key back: two of 10^7 salts meet with a chance of 2^-210 (facts T6). Header and place are
/// authenticated with the ciphertext: a value that was moved or patched does not open.
package struct AEADSealer: Sealer {
    private let keys: KeyRing

    package init(keys: KeyRing) { self.keys = keys }

    /// The key that everything is sealed under from now on.
    package var writingKey: KeyID { self.keys.writing.id }

    /// Whether it opens what was sealed under this key.
    package func opens(_ key: KeyID) -> Bool { self.keys.has(key) }

    /// How many bytes longer a sealed value is than its plaintext.
    package static let overhead = headerCount + tagCount

    private static let saltCount = 32
    private static let nonceCount = 12
    private static let headerCount = KeyID.count + saltCount + nonceCount
    private static let tagCount = 16

    package func seal(_ plaintext: [UInt8], at place: SealingPlace) throws(SealingError) -> SealedBytes {
        let master = self.keys.writing
        // Seen from the header alone, salt and nonce are 44 random bytes; nothing is counted or remembered.
        let header = master.id.bytes + RandomBytes.make(Self.saltCount + Self.nonceCount)
        do {
            let box = try AES.GCM.seal(
                plaintext,
                using: master.subkey(salt: header[KeyID.count..<(KeyID.count + Self.saltCount)]),
                nonce: AES.GCM.Nonce(data: header.suffix(Self.nonceCount)),
                authenticating: header + place.associatedData
            )
            return SealedBytes(header + box.ciphertext + box.tag)
        } catch {
            throw .refused
        }
    }

    package func open(_ sealed: SealedBytes, at place: SealingPlace) throws(SealingError) -> Secret {
        let bytes = sealed.bytes
        guard bytes.count >= Self.overhead else { throw .refused }
        guard let master = self.keys.key(named: KeyID(bytes.prefix(KeyID.count))) else { throw .unknownKey }
        let header = bytes.prefix(Self.headerCount)
        do {
            // Nonce, ciphertext and tag lie in the library's own order: it takes them in one copy, not piece by piece.
            let box = try AES.GCM.SealedBox(combined: bytes[(KeyID.count + Self.saltCount)...])
            var plaintext = try AES.GCM.open(
                box,
                using: master.subkey(salt: header[KeyID.count..<(KeyID.count + Self.saltCount)]),
                authenticating: header + place.associatedData
            )
            defer { plaintext.resetBytes(in: plaintext.startIndex..<plaintext.endIndex) }
            return Secret(plaintext)
        } catch {
            throw .refused
        }
    }

    package func fingerprint(of secret: Secret) -> [UInt8] {
        self.keys.writing.fingerprint(of: secret.revealBytes())
    }
}

extension AEADSealer {
    private static let keyCheckText = Array("refreshd key check".utf8)

    /// A fixed text, sealed for a store that is being made.
    package func keyCheck(of store: StoreID) throws(SealingError) -> SealedBytes {
        try self.seal(Self.keyCheckText, at: SealingPlace(keyCheckOf: store))
    }

    /// Tells whether this is the store's key, before anything is read or written under it (facts C01).
    ///
    /// - Throws: `SealingError.unknownKey` for another key; `SealingError.refused` when the check itself is damaged or
    ///   belongs to another store.
    package func verify(_ keyCheck: SealedBytes, of store: StoreID) throws(SealingError) {
        guard try self.open(keyCheck, at: SealingPlace(keyCheckOf: store)) == Secret(Self.keyCheckText) else {
            throw .refused
        }
    }
}

extension StoreID {
    /// A name that no other store has: 128 random bits.
    package static func random() -> StoreID {
        let digits = RandomBytes.make(16).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }
        return StoreID(digits.joined())
    }
}
