import RefreshCore
import Synchronization

/// Secrets that anybody can guess: the first is all ones, the second all twos.
package final class CountingSecrets: SecretSource {
    private let count = Mutex<UInt8>(0)

    package init() {}

    package func bytes(_ count: Int) -> [UInt8] {
        let number = self.count.withLock { made in
            made &+= 1
            return made
        }
        return Array(repeating: number, count: count)
    }

    /// Not the real one: each byte plus one, of the first 32.
    package func digest(of bytes: [UInt8]) -> [UInt8] { bytes.prefix(32).map { $0 &+ 1 } }
}
