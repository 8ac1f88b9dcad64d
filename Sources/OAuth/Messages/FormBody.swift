/// Parameters as `application/x-www-form-urlencoded` (RFC 6749 appendix B), in the order in which they were added.
package struct FormBody: Sendable {
    /// The encoded bytes, without a trailing `&`.
    package private(set) var bytes: [UInt8] = []
    private var names: Set<String> = []

    package init() {}

    /// Adds a parameter, unless one of that name is there: none may be sent twice (RFC 6749 §3.2), and the first
    /// is the one that no profile or grant can have brought in.
    package mutating func append(_ name: String, _ value: some Sequence<UInt8>) {
        guard self.names.insert(name).inserted else { return }
        if !self.bytes.isEmpty { self.bytes.append(UInt8(ascii: "&")) }
        self.bytes.append(contentsOf: Self.encode(name.utf8))
        self.bytes.append(UInt8(ascii: "="))
        self.bytes.append(contentsOf: Self.encode(value))
    }

    package mutating func append(_ name: String, _ value: String) { self.append(name, value.utf8) }

    /// Encodes one name or value: the unreserved characters of RFC 3986 stand for themselves, a space becomes a
    /// plus, and every other byte a percent sign and two digits.
    package static func encode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var encoded: [UInt8] = []
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(byte)
            case UInt8(ascii: " "):
                encoded.append(UInt8(ascii: "+"))
            default:
                encoded.append(UInt8(ascii: "%"))
                encoded.append(Self.digits[Int(byte >> 4)])
                encoded.append(Self.digits[Int(byte & 15)])
            }
        }
        return encoded
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    /// Reads a form as some providers answer with, under the limits and rules that hold for JSON.
    static func members(in bytes: [UInt8]) throws(JSONFault) -> [String: JSONValue] {
        guard bytes.count <= JSONReader.maximumLength else { throw .tooLarge }
        let pairs = bytes.split(separator: UInt8(ascii: "&"), maxSplits: JSONReader.maximumValues)
        guard pairs.count <= JSONReader.maximumValues else { throw .tooLarge }
        var members: [String: JSONValue] = [:]
        for pair in pairs {
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { throw .syntax }
            let name = try Self.decode(pair[..<equals])
            let value = try Self.decode(pair[pair.index(after: equals)...])
            guard members.updateValue(.string(value), forKey: name) == nil else { throw .doubled }
        }
        guard !members.isEmpty else { throw .syntax }
        return members
    }

    private static func decode(_ bytes: ArraySlice<UInt8>) throws(JSONFault) -> String {
        var decoded: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): decoded.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                    throw .syntax
                }
                decoded.append(high << 4 | low)
            // A form is visible ASCII; anything else is a page or a picture.
            case 0x21...0x7E: decoded.append(byte)
            default: throw .syntax
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self) else { throw .encoding }
        return text
    }
}
