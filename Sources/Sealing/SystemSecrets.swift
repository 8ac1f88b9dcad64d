import Crypto
import RefreshCore

/// The project's one source of randomness, for those who need more of it than a nonce: the kernel.
package struct SystemSecrets: SecretSource {
    package init() {}

    package func bytes(_ count: Int) -> [UInt8] { RandomBytes.make(count) }

    package func digest(of bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
}
