/// Where one-time secrets come from, and the digest by which one of them may be shown beforehand.
package protocol SecretSource: RandomSource {
    /// The SHA-256 of some bytes, 32 bytes long.
    func digest(of bytes: [UInt8]) -> [UInt8]
}
