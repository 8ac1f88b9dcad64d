/// Seals and opens bytes under keys that nobody else holds.
package protocol Sealer: Sendable {
    /// Seals bytes for one place.
    func seal(_ plaintext: [UInt8], at place: SealingPlace) throws(SealingError) -> SealedBytes

    /// Opens what was sealed for exactly this place.
    func open(_ sealed: SealedBytes, at place: SealingPlace) throws(SealingError) -> Secret

    /// 16 bytes by which a secret is known again, and which tell nothing of it without the key.
    ///
    /// The same secret has another fingerprint under another writing key.
    func fingerprint(of secret: Secret) -> [UInt8]
}

/// Why bytes could not be sealed or opened.
package enum SealingError: Error, Hashable, Sendable {
    /// They were sealed under a key that is not here: find the key.
    case unknownKey
    /// They are damaged, or belong to another place: nothing brings them back.
    case refused
}
