package import NIOCore

/// A JSON document as a value, with what the protocol needs and no more.
///
/// Foundation's decoder takes the first of two members of one name in silence and nests 512 deep. A peer must not be
/// able to say one thing to the check and another to the code behind it, so messages are read by `init(parsing:)`,
/// which refuses both.
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    /// A number with a fraction or an exponent, or one that does not fit 64 bits. Always finite.
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The deepest nesting of arrays and objects that is read; the outermost counts as one.
    package static let maximumDepth = 32

    /// Reads one document that fills all of `bytes`, save white space around it.
    ///
    /// - Throws: `JSONError` with the place of the first fault. Nothing is repaired: a doubled member, a lone surrogate,
    ///   a number beyond `Double` and text that is no UTF-8 are faults.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        try self.init(parsing: bytes.span)
    }

    /// Reads one document from the readable bytes of `buffer`, which stay readable.
    package init(parsing buffer: ByteBuffer) throws(JSONError) {
        try self.init(parsing: buffer.readableBytesUInt8Span)
    }

    init(parsing bytes: Span<UInt8>) throws(JSONError) {
        var reader = JSONReader()
        self = try reader.value(in: bytes)
        try reader.end(in: bytes)
    }

    /// The text, if this is a string.
    package var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The number, if this is a whole one of 64 bits.
    ///
    /// `1.0` and `1e3` are not: varlink's `int` has no fraction.
    package var int: Int64? {
        guard case .int(let value) = self else { return nil }
        return value
    }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    package var array: [JSONValue]? {
        guard case .array(let value) = self else { return nil }
        return value
    }

    package var object: JSONObject? {
        guard case .object(let value) = self else { return nil }
        return value
    }

    /// The word for the kind of value, as error texts use it: `a string`, `null`.
    ///
    /// Never the value itself, which may be a token.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .int, .double: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// The members of a JSON object, in the order in which they stood.
package struct JSONObject: Hashable, Sendable {
    package struct Member: Hashable, Sendable {
        package var name: String
        package var value: JSONValue
    }

    /// Each name occurs once.
    package private(set) var members: [Member] = []

    package init() {}

    package var isEmpty: Bool { self.members.isEmpty }

    package var names: some Sequence<String> { self.members.lazy.map(\.name) }

    /// The member of that name; set to `nil` to remove it, which is not the same as setting `.null`.
    ///
    /// Takes time in proportion to the number of members: an object on this wire has a handful.
    package subscript(name: String) -> JSONValue? {
        get { self.members.first { $0.name == name }?.value }
        set {
            let index = self.members.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): self.members[index].value = value
            case (let index?, nil): self.members.remove(at: index)
            case (nil, let value?): self.members.append(Member(name: name, value: value))
            case (nil, nil): break
            }
        }
    }

    /// Appends without a look-up.
    ///
    /// The caller knows that no member has this name.
    mutating func append(_ name: String, _ value: JSONValue) {
        self.members.append(Member(name: name, value: value))
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByFloatLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(uniqueMembers: elements))
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(uniqueMembers: elements)
    }

    fileprivate init(uniqueMembers: [(String, JSONValue)]) {
        for (name, value) in uniqueMembers { self[name] = value }
    }
}
