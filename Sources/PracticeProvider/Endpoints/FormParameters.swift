/// The parameters of `application/x-www-form-urlencoded` text, each at most once.
///
/// Stricter than a browser's reader: what another server might take differently is refused here, for a client that
/// passes a strict judge passes everywhere.
struct FormParameters: Hashable, Sendable {
    enum Flaw: Error, Hashable, Sendable {
        /// RFC 6749 §3.2: parameters must not be included more than once.
        case repeated(name: String)
        /// A lone `%`, bytes that are not UTF-8, an empty piece between two `&`.
        case malformed
    }

    private let values: [String: String]

    /// The value of a parameter; nil when it is absent or empty, which is the same thing (RFC 6749 §3.2).
    subscript(name: String) -> String? {
        guard let value = self.values[name], !value.isEmpty else { return nil }
        return value
    }

    /// The names that occur, those without a value too.
    var names: Set<String> { Set(self.values.keys) }

    init(_ text: some StringProtocol) throws(Flaw) {
        var values: [String: String] = [:]
        guard !text.isEmpty else {
            self.values = values
            return
        }
        for piece in text.split(separator: "&", omittingEmptySubsequences: false) {
            let parts = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]), !name.isEmpty else { throw .malformed }
            guard let value = parts.count == 2 ? Self.decoded(parts[1]) : "" else { throw .malformed }
            guard values.updateValue(value, forKey: name) == nil else { throw .repeated(name: name) }
        }
        self.values = values
    }

    /// Undoes the form's encoding: `+` is a space, `%XX` a byte.
    ///
    /// Nil when it is not an encoding of UTF-8 text.
    static func decoded(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "+"):
                bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(Self.digit), let low = rest.next().flatMap(Self.digit) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            default:
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
