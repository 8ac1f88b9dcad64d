/// Bytes that must not be seen: print as `‹secret›`, compare in constant time, and are wiped when freed.
///
/// Copies share one allocation, which is overwritten when the last of them goes. What is read out of it (`reveal`)
/// is the reader's to keep short-lived.
package struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let storage: Storage

    package init(_ bytes: some Collection<UInt8>) { self.storage = Storage(bytes) }

    package init(_ text: String) { self.storage = Storage(text.utf8) }

    package var count: Int { self.storage.count }
    package var isEmpty: Bool { self.storage.count == 0 }

    /// The bytes, for the moment in which they are sealed or sent.
    package func revealBytes() -> [UInt8] { self.storage.copy() }

    /// The bytes as text, for the moment in which they are sent.
    ///
    /// Bytes that are no UTF-8 come out as replacement characters; tokens are visible ASCII by the time they are here.
    package func reveal() -> String { String(decoding: self.storage.copy(), as: UTF8.self) }

    package static func == (left: Secret, right: Secret) -> Bool { left.storage.matches(right.storage) }

    /// Mixes in the length only: a hash of the bytes would be a fingerprint of the secret.
    package func hash(into hasher: inout Hasher) { hasher.combine(self.count) }

    package var description: String { "‹secret›" }
    package var debugDescription: String { "‹secret›" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret {
    // @unchecked: the bytes are written once in `init` and only read until `deinit`, which no one else can overlap.
    @safe private final class Storage: @unchecked Sendable {
        private let bytes: UnsafeMutableBufferPointer<UInt8>

        init(_ source: some Collection<UInt8>) {
            unsafe self.bytes = .allocate(capacity: source.count)
            _ = unsafe self.bytes.initialize(fromContentsOf: source)
        }

        deinit {
            unsafe wipe(self.bytes)
            unsafe self.bytes.deallocate()
        }

        var count: Int { unsafe self.bytes.count }

        func copy() -> [UInt8] { unsafe [UInt8](self.bytes) }

        /// Looks at every byte whatever the first difference is; only the lengths can be told from the time.
        func matches(_ other: Storage) -> Bool {
            guard self.count == other.count else { return false }
            var difference: UInt8 = 0
            for index in 0..<self.count { difference |= unsafe self.bytes[index] ^ other.bytes[index] }
            return difference == 0
        }
    }
}

// Never inlined, and the memory goes back through the runtime's allocator, which the compiler cannot see into: so it may
// not leave the stores out. Optimized all the same: byte by byte in unoptimized code, 2 KiB would take 0.7 ms.
@inline(never)
private func wipe(_ bytes: UnsafeMutableBufferPointer<UInt8>) { unsafe bytes.update(repeating: 0) }
