/// Puts numbers and byte strings one after the other; numbers are big endian, strings have their length in front.
struct FieldWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ number: some FixedWidthInteger) {
        for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
            self.bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    mutating func put(counted bytes: some Collection<UInt8>) {
        self.put(UInt32(bytes.count))
        self.bytes.append(contentsOf: bytes)
    }

    mutating func put(_ bytes: some Collection<UInt8>) { self.bytes.append(contentsOf: bytes) }
}

/// Reads what `FieldWriter` wrote, from bytes that may be anything: what is not there is nil, and nothing traps.
struct FieldReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.rest = bytes }

    init(_ bytes: [UInt8]) { self.rest = bytes[...] }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        guard let bytes = self.take(Number.bitWidth / 8) else { return nil }
        return bytes.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    mutating func counted() -> ArraySlice<UInt8>? {
        guard let count = self.number(UInt32.self) else { return nil }
        return self.take(Int(count))
    }

    /// A counted string of valid UTF-8.
    mutating func text() -> String? { self.counted().flatMap { String(validating: $0, as: UTF8.self) } }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= self.rest.count else { return nil }
        defer { self.rest.removeFirst(count) }
        return self.rest.prefix(count)
    }
}

/// Overwrites bytes that were secret, before their memory goes back.
///
/// Never inlined: the compiler must not see that nobody reads them any more.
@inline(never)
func wipe(_ bytes: inout [UInt8]) {
    unsafe bytes.withUnsafeMutableBufferPointer { unsafe $0.update(repeating: 0) }
}
