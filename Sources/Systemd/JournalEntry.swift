import CSystemd
import Glibc

/// One entry of the journal: fields in the order they were added, in one piece of memory.
///
/// A value may hold any bytes, line breaks and NUL included (docs/JOURNAL_NATIVE_PROTOCOL.md); libsystemd picks the
/// form on the wire that carries them.
package struct JournalEntry: Hashable, Sendable {
    /// All fields, `NAME=value` each, without anything between them.
    private var bytes: [UInt8] = []
    /// Where each field stands in `bytes`.
    private var ranges: [Range<Int>] = []

    package init() {}

    /// Adds a field.
    ///
    /// - Precondition: `name` is a field name that journald takes from a client (`isFieldName`).
    package mutating func add(_ name: String, _ value: some StringProtocol) {
        precondition(Self.isFieldName(name), "not a journal field: \(name)")
        let start = self.bytes.count
        self.bytes.append(contentsOf: name.utf8)
        self.bytes.append(UInt8(ascii: "="))
        self.bytes.append(contentsOf: value.utf8)
        self.ranges.append(start..<self.bytes.count)
    }

    /// The values of a field, in order; for tests.
    package func values(of name: String) -> [String] {
        let prefix = Array("\(name)=".utf8)
        return self.ranges.map { self.bytes[$0] }.filter { $0.starts(with: prefix) }
            .map { String(decoding: $0.dropFirst(prefix.count), as: UTF8.self) }
    }

    /// Hands the entry to journald: one datagram, or a sealed memory file for a large one.
    ///
    /// - Returns: 0 when sent, or when no journald runs; otherwise -errno.
    package func send() -> Int32 {
        unsafe self.bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return -EINVAL }
            // The vectors point into `bytes`, which stays put until the end of this closure. journald only reads.
            var vectors = unsafe self.ranges.map { range in
                unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: base + range.lowerBound), iov_len: range.count)
            }
            return unsafe sd_journal_sendv(&vectors, Int32(clamping: vectors.count))
        }
    }

    /// Whether journald takes the name from a client: A to Z, digits and `_`, neither a digit nor `_` first, at most 64.
    ///
    /// A leading `_` marks journald's own trusted fields; from a client they are dropped without a word.
    package static func isFieldName(_ name: String) -> Bool {
        guard let first = name.utf8.first, (1...64).contains(name.utf8.count) else { return false }
        let isLetter = { (byte: UInt8) in (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
        let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        return isLetter(first)
            && name.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
    }

    /// A field name made from any text: upper case, `_` for what is not allowed, cut at 64.
    ///
    /// - Precondition: `prefix` is a field name itself.
    package static func fieldName(prefix: String, key: String) -> String {
        var name = prefix
        for scalar in key.unicodeScalars {
            guard name.utf8.count < 64 else { break }
            switch scalar {
            case "a"..."z": name.unicodeScalars.append(Unicode.Scalar(UInt8(scalar.value - 32)))
            case "A"..."Z", "0"..."9": name.unicodeScalars.append(scalar)
            default: name += "_"
            }
        }
        return name
    }
}
