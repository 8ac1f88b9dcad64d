/// Why bytes are not the one JSON document they should be.
///
/// Places are byte offsets from the start.
package enum JSONError: Error, Hashable, Sendable {
    case unexpectedEnd
    case unexpectedByte(at: Int)
    /// No UTF-8, a control character, an unknown escape or half a surrogate pair.
    case invalidString(at: Int)
    /// Not JSON's grammar, or beyond the range of a `Double`.
    case invalidNumber(at: Int)
    case tooDeep(limit: Int)
    case duplicateMember(String, at: Int)
}

/// Walks over JSON text and hands out values, checking all of the grammar on the way.
///
/// Holds a position and no bytes: these are passed to every function and must be the same each time.
struct JSONReader {
    private(set) var position = 0
    private var depth = 0

    /// Reads the next value, of whatever kind.
    mutating func value(in bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        switch try self.peek(in: bytes) {
        case UInt8(ascii: "{"): return .object(try self.object(in: bytes))
        case UInt8(ascii: "["): return .array(try self.array(in: bytes))
        case UInt8(ascii: "\""): return .string(try self.string(in: bytes))
        case UInt8(ascii: "t"):
            try self.word("true", in: bytes)
            return .bool(true)
        case UInt8(ascii: "f"):
            try self.word("false", in: bytes)
            return .bool(false)
        case UInt8(ascii: "n"):
            try self.word("null", in: bytes)
            return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try self.number(in: bytes)
        default: throw .unexpectedByte(at: self.position)
        }
    }

    /// Succeeds if only white space is left.
    mutating func end(in bytes: Span<UInt8>) throws(JSONError) {
        self.skipSpace(in: bytes)
        guard self.position == bytes.count else { throw .unexpectedByte(at: self.position) }
    }

    // MARK: Objects and arrays

    /// Enters an object.
    ///
    /// `nextName` is then called until it returns `nil`, and a value read after each name.
    mutating func openObject(in bytes: Span<UInt8>) throws(JSONError) {
        try self.open(UInt8(ascii: "{"), in: bytes)
    }

    /// Returns the next member's name, with the position before its value, or `nil` once the object is closed.
    mutating func nextName(
        in bytes: Span<UInt8>,
        after seen: inout MemberNames
    ) throws(JSONError) -> String? {
        let byte = try self.peek(in: bytes)
        if byte == UInt8(ascii: "}") {
            self.close()
            return nil
        }
        if !seen.isEmpty {
            try self.expect(UInt8(ascii: ","), in: bytes)
        }
        guard try self.peek(in: bytes) == UInt8(ascii: "\"") else { throw .unexpectedByte(at: self.position) }
        let start = self.position
        let name = try self.string(in: bytes)
        guard seen.insert(name) else { throw .duplicateMember(name, at: start) }
        try self.expect(UInt8(ascii: ":"), in: bytes)
        self.skipSpace(in: bytes)
        return name
    }

    private mutating func object(in bytes: Span<UInt8>) throws(JSONError) -> JSONObject {
        var object = JSONObject()
        var seen = MemberNames()
        try self.openObject(in: bytes)
        while let name = try self.nextName(in: bytes, after: &seen) {
            object.append(name, try self.value(in: bytes))
        }
        return object
    }

    private mutating func array(in bytes: Span<UInt8>) throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        try self.open(UInt8(ascii: "["), in: bytes)
        while try self.peek(in: bytes) != UInt8(ascii: "]") {
            if !elements.isEmpty {
                try self.expect(UInt8(ascii: ","), in: bytes)
            }
            elements.append(try self.value(in: bytes))
        }
        self.close()
        return elements
    }

    private mutating func open(_ bracket: UInt8, in bytes: Span<UInt8>) throws(JSONError) {
        try self.expect(bracket, in: bytes)
        // Before the recursion, so that brackets alone cannot use up the stack.
        guard self.depth < JSONValue.maximumDepth else { throw .tooDeep(limit: JSONValue.maximumDepth) }
        self.depth += 1
    }

    private mutating func close() {
        self.position += 1
        self.depth -= 1
    }

    // MARK: Strings

    private mutating func string(in bytes: Span<UInt8>) throws(JSONError) -> String {
        let quote = self.position
        self.position += 1
        let start = self.position
        while self.position < bytes.count {
            switch bytes[self.position] {
            case UInt8(ascii: "\""):
                let text = try Self.text(bytes.extracting(start..<self.position), at: quote)
                self.position += 1
                return text
            case UInt8(ascii: "\\"):
                return try self.escapedString(from: start, in: bytes)
            case 0..<0x20:
                throw .invalidString(at: self.position)
            default:
                self.position += 1
            }
        }
        throw .unexpectedEnd
    }

    /// The slow path: some byte is an escape, so the text has to be put together.
    private mutating func escapedString(
        from start: Int,
        in bytes: Span<UInt8>
    ) throws(JSONError) -> String {
        var text: [UInt8] = []
        for index in start..<self.position { text.append(bytes[index]) }
        while self.position < bytes.count {
            let byte = bytes[self.position]
            switch byte {
            case UInt8(ascii: "\""):
                self.position += 1
                return try Self.text(text.span, at: start - 1)
            case UInt8(ascii: "\\"):
                try self.escape(into: &text, in: bytes)
            case 0..<0x20:
                throw .invalidString(at: self.position)
            default:
                text.append(byte)
                self.position += 1
            }
        }
        throw .unexpectedEnd
    }

    private mutating func escape(into text: inout [UInt8], in bytes: Span<UInt8>) throws(JSONError) {
        let start = self.position
        guard start + 1 < bytes.count else { throw .unexpectedEnd }
        self.position += 2
        switch bytes[start + 1] {
        case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): text.append(UInt8(ascii: "/"))
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = UInt32(try self.fourHexDigits(in: bytes))
            if 0xD800..<0xDC00 ~= code {
                // A high half must be followed by a low half, or the text has no UTF-8 form (RFC 8259 §8.2).
                try self.word("\\u", in: bytes)
                let low = UInt32(try self.fourHexDigits(in: bytes))
                guard 0xDC00..<0xE000 ~= low else { throw .invalidString(at: start) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw .invalidString(at: start) }
            text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default:
            throw .invalidString(at: start)
        }
    }

    private mutating func fourHexDigits(in bytes: Span<UInt8>) throws(JSONError) -> UInt16 {
        guard self.position + 4 <= bytes.count else { throw .unexpectedEnd }
        var code: UInt16 = 0
        for _ in 0..<4 {
            let byte = bytes[self.position]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw .invalidString(at: self.position)
            }
            code = code << 4 | UInt16(digit)
            self.position += 1
        }
        return code
    }

    private static func text(_ bytes: Span<UInt8>, at offset: Int) throws(JSONError) -> String {
        do {
            return String(copying: try UTF8Span(validating: bytes))
        } catch {
            throw .invalidString(at: offset)
        }
    }

    // MARK: Numbers and words

    private mutating func number(in bytes: Span<UInt8>) throws(JSONError) -> JSONValue {
        let start = self.position
        var isWhole = true
        if bytes[self.position] == UInt8(ascii: "-") { self.position += 1 }
        let leading = self.position
        guard self.digits(in: bytes) > 0 else { throw .invalidNumber(at: start) }
        if bytes[leading] == UInt8(ascii: "0"), self.position > leading + 1 { throw .invalidNumber(at: start) }
        if self.position < bytes.count, bytes[self.position] == UInt8(ascii: ".") {
            isWhole = false
            self.position += 1
            guard self.digits(in: bytes) > 0 else { throw .invalidNumber(at: start) }
        }
        if self.position < bytes.count, bytes[self.position] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            self.position += 1
            if self.position < bytes.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[self.position]) {
                self.position += 1
            }
            guard self.digits(in: bytes) > 0 else { throw .invalidNumber(at: start) }
        }
        let text = try Self.text(bytes.extracting(start..<self.position), at: start)
        if isWhole, let whole = Int64(text) { return .int(whole) }
        guard let double = Double(text), double.isFinite else { throw .invalidNumber(at: start) }
        return .double(double)
    }

    /// Skips digits and returns how many there were.
    private mutating func digits(in bytes: Span<UInt8>) -> Int {
        let start = self.position
        while self.position < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[self.position] {
            self.position += 1
        }
        return self.position - start
    }

    private mutating func word(_ word: String, in bytes: Span<UInt8>) throws(JSONError) {
        for byte in word.utf8 {
            guard self.position < bytes.count else { throw .unexpectedEnd }
            guard bytes[self.position] == byte else { throw .unexpectedByte(at: self.position) }
            self.position += 1
        }
    }

    // MARK: Bytes

    private mutating func skipSpace(in bytes: Span<UInt8>) {
        while self.position < bytes.count {
            switch bytes[self.position] {
            case 0x20, 0x09, 0x0A, 0x0D: self.position += 1
            default: return
            }
        }
    }

    /// Returns the next byte that is no white space, and stays before it.
    mutating func peek(in bytes: Span<UInt8>) throws(JSONError) -> UInt8 {
        self.skipSpace(in: bytes)
        guard self.position < bytes.count else { throw .unexpectedEnd }
        return bytes[self.position]
    }

    private mutating func expect(_ byte: UInt8, in bytes: Span<UInt8>) throws(JSONError) {
        guard try self.peek(in: bytes) == byte else { throw .unexpectedByte(at: self.position) }
        self.position += 1
    }
}

/// The names that one object has shown so far.
///
/// A list while it is short, which is nearly always; a set from then on, so that an object of ten thousand members
/// does not cost a hundred million comparisons.
struct MemberNames {
    private var few: [String] = []
    private var many: Set<String> = []

    var isEmpty: Bool { self.few.isEmpty && self.many.isEmpty }

    /// Returns whether the name is new.
    mutating func insert(_ name: String) -> Bool {
        if !self.many.isEmpty { return self.many.insert(name).inserted }
        if self.few.contains(name) { return false }
        self.few.append(name)
        if self.few.count > 8 {
            self.many = Set(self.few)
            self.few = []
        }
        return true
    }
}
