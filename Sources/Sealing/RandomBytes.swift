import Glibc

/// The project's one source of randomness: the kernel's.
enum RandomBytes {
    /// At most 256 bytes, which the kernel gives whole or not at all (getentropy(3)).
    static func make(_ count: Int) -> [UInt8] {
        precondition(count <= 256)
        // One call for all: Swift's generator makes one for every 8 bytes.
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
            let failure = unsafe getentropy(bytes.baseAddress, count)
            precondition(failure == 0, "the kernel gives no random bytes")
            initialized = count
        }
    }
}
