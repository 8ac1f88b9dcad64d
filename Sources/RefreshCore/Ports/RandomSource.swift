/// Where names come from that nobody must be able to guess.
package protocol RandomSource: Sendable {
    /// Fresh random bytes, at most 256, fit for a secret.
    func bytes(_ count: Int) -> [UInt8]
}
