package import RefreshCore
import Synchronization

/// A sealer that hides nothing, and yet opens only what was sealed for exactly this place.
package final class ClearSealer: Sealer {
    private struct State {
        var isKeyLost = false
        var isBroken = false
        var count: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// Whether nothing opens, as if the key were not here.
    package var isKeyLost: Bool {
        get { self.state.withLock { $0.isKeyLost } }
        set { self.state.withLock { $0.isKeyLost = newValue } }
    }

    /// Whether nothing can be sealed.
    package var isBroken: Bool {
        get { self.state.withLock { $0.isBroken } }
        set { self.state.withLock { $0.isBroken = newValue } }
    }

    package func seal(_ plaintext: [UInt8], at place: SealingPlace) throws(SealingError) -> SealedBytes {
        // A number in place of a nonce: the same text sealed twice gives different bytes.
        let nonce: UInt64? = self.state.withLock { state in
            guard !state.isBroken else { return nil }
            state.count += 1
            return state.count
        }
        guard let nonce else { throw .unknownKey }
        let label = place.associatedData
        return SealedBytes(Self.bytes(nonce) + Self.bytes(UInt64(label.count)) + label + plaintext)
    }

    package func open(_ sealed: SealedBytes, at place: SealingPlace) throws(SealingError) -> Secret {
        guard !self.isKeyLost else { throw .unknownKey }
        let label = place.associatedData
        let header = Self.bytes(UInt64(label.count)) + label
        let rest = sealed.bytes.dropFirst(8)
        guard rest.starts(with: header) else { throw .refused }
        return Secret(rest.dropFirst(header.count))
    }

    package func fingerprint(of secret: Secret) -> [UInt8] {
        let bytes = secret.revealBytes()
        return Array((bytes + [UInt8](repeating: 0, count: 16)).suffix(16))
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        stride(from: 0, to: 64, by: 8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
