import RefreshCore

/// The project's one source of randomness, for those who need more of it than a nonce.
package struct KernelRandom: RandomSource {
    package init() {}

    package func bytes(_ count: Int) -> [UInt8] { RandomBytes.make(count) }
}
