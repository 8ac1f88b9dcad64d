/// Reads the JSON object of an answer that may be hostile: every limit is checked before the memory is spent.
///
/// Not Foundation's: that takes the first of a doubled member in silence, descends 512 levels, and throws away a
/// whole answer because one number is not an integer (facts, section 4, T4, F20–F22, F28).
struct JSONReader {
    /// The most bytes of an answer.
    static let maximumLength = 256 * 1_024
    /// The most levels of objects and arrays in each other, the outermost counted; bounds the stack that is used.
    static let maximumDepth = 32
    /// The most members and elements of an answer, all levels together.
    static let maximumValues = 4_096
    /// The most characters of one number.
    static let maximumDigits = 256

    private let bytes: [UInt8]
    private var position = 0
    private var values = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Reads one object that fills the bytes but for white space and a byte order mark.
    static func object(in bytes: [UInt8]) throws(JSONFault) -> [String: JSONValue] {
        guard bytes.count <= Self.maximumLength else { throw .tooLarge }
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .encoding }
        var reader = JSONReader(bytes)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.position = 3 }
        reader.skipSpace()
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == bytes.count else { throw .syntax }
        guard case .object(let members) = value else { throw .notAnObject }
        return members
    }

    private var next: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    private mutating func skipSpace() {
        while let byte = self.next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { self.position += 1 }
    }

    /// Steps over one byte if it is the one given.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard self.next == UInt8(ascii: character) else { return false }
        self.position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONFault) -> JSONValue {
        self.values += 1
        guard self.values <= Self.maximumValues else { throw .tooLarge }
        switch self.next {
        case UInt8(ascii: "{"): return try self.members(depth: depth)
        case UInt8(ascii: "["): return try self.elements(depth: depth)
        case UInt8(ascii: "\""): return .string(try self.string())
        case UInt8(ascii: "t"): return try self.word("true", .bool(true))
        case UInt8(ascii: "f"): return try self.word("false", .bool(false))
        case UInt8(ascii: "n"): return try self.word("null", .null)
        default: return try self.number()
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONFault) -> JSONValue {
        let text = Array(word.description.utf8)
        guard self.bytes[self.position...].starts(with: text) else { throw .syntax }
        self.position += text.count
        return value
    }

    private mutating func members(depth: Int) throws(JSONFault) -> JSONValue {
        guard depth < Self.maximumDepth else { throw .tooLarge }
        self.position += 1
        var members: [String: JSONValue] = [:]
        self.skipSpace()
        if self.take("}") { return .object(members) }
        while true {
            guard self.next == UInt8(ascii: "\"") else { throw .syntax }
            let name = try self.string()
            self.skipSpace()
            guard self.take(":") else { throw .syntax }
            self.skipSpace()
            let value = try self.value(depth: depth + 1)
            guard members.updateValue(value, forKey: name) == nil else { throw .doubled }
            self.skipSpace()
            if self.take("}") { return .object(members) }
            guard self.take(",") else { throw .syntax }
            self.skipSpace()
        }
    }

    private mutating func elements(depth: Int) throws(JSONFault) -> JSONValue {
        guard depth < Self.maximumDepth else { throw .tooLarge }
        self.position += 1
        var elements: [JSONValue] = []
        self.skipSpace()
        if self.take("]") { return .array(elements) }
        while true {
            elements.append(try self.value(depth: depth + 1))
            self.skipSpace()
            if self.take("]") { return .array(elements) }
            guard self.take(",") else { throw .syntax }
            self.skipSpace()
        }
    }
}

extension JSONReader {
    /// A number by the grammar of RFC 8259 §6, kept as text.
    private mutating func number() throws(JSONFault) -> JSONValue {
        let start = self.position
        _ = self.take("-")
        // "01" is no number: after a leading zero the digits are over.
        if !self.take("0") { guard self.skipDigits() > 0 else { throw .syntax } }
        if self.take(".") { guard self.skipDigits() > 0 else { throw .syntax } }
        if self.take("e") || self.take("E") {
            if !self.take("-") { _ = self.take("+") }
            guard self.skipDigits() > 0 else { throw .syntax }
        }
        guard self.position - start <= Self.maximumDigits else { throw .tooLarge }
        return .number(String(decoding: self.bytes[start..<self.position], as: UTF8.self))
    }

    private mutating func skipDigits() -> Int {
        let start = self.position
        while let byte = self.next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { self.position += 1 }
        return self.position - start
    }

    /// A string with its escapes undone; the quote is the next byte.
    private mutating func string() throws(JSONFault) -> String {
        self.position += 1
        var text: [UInt8] = []
        var run = self.position
        while let byte = self.next {
            switch byte {
            case UInt8(ascii: "\""):
                text.append(contentsOf: self.bytes[run..<self.position])
                self.position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text.append(contentsOf: self.bytes[run..<self.position])
                self.position += 1
                text.append(contentsOf: String(try self.escape()).utf8)
                run = self.position
            case 0..<0x20:
                throw .syntax
            default:
                self.position += 1
            }
        }
        throw .syntax
    }

    /// What stands behind a backslash.
    private mutating func escape() throws(JSONFault) -> Unicode.Scalar {
        guard let byte = self.next else { throw .syntax }
        self.position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try self.fourDigits()
            guard (0xD800...0xDBFF).contains(unit) else {
                // A low surrogate alone is no scalar, and so is refused here.
                guard let scalar = Unicode.Scalar(unit) else { throw .syntax }
                return scalar
            }
            guard self.take("\\"), self.take("u") else { throw .syntax }
            let low = try self.fourDigits()
            guard (0xDC00...0xDFFF).contains(low),
                let scalar = Unicode.Scalar(0x1_0000 + (unit - 0xD800) << 10 + (low - 0xDC00))
            else { throw .syntax }
            return scalar
        default: throw .syntax
        }
    }

    private mutating func fourDigits() throws(JSONFault) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = self.next, let digit = hexValue(byte) else { throw .syntax }
            unit = unit << 4 | UInt32(digit)
            self.position += 1
        }
        return unit
    }
}

/// What a hexadecimal digit is worth; nil for any other byte.
func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
