/// Percent-encoding to the unreserved set (RFC 3986 §2.3), which every parser reads back alike.
enum PercentEncoding {
    /// Leaves `A-Z a-z 0-9 - . _ ~` and encodes every other byte, so that nothing of a value can end a parameter, a
    /// path or the host (facts T10).
    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var encoded: [UInt8] = []
        for byte in bytes {
            if self.isUnreserved(byte) {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), self.digits[Int(byte >> 4)], self.digits[Int(byte & 0xF)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool { self.isAlphanumeric(byte) || "-._~".utf8.contains(byte) }

    private static let digits = Array("0123456789ABCDEF".utf8)
}
