/// A JSON value as it was written, with nothing rounded and nothing guessed.
enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// The digits as they stood: what they are worth is for the reader of the member to say.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The text of a string; nil for everything else.
    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// A whole number, written as a number or as text.
    var integer: Int? {
        switch self {
        case .number(let text), .string(let text): text.utf8.count <= 18 ? Int(text) : nil
        case .null, .bool, .array, .object: nil
        }
    }

    /// A user's name or number as text, for providers differ in how they write numbers; nil when it is neither.
    var identity: String? {
        switch self {
        case .string(let text) where (1...256).contains(text.utf8.count): text
        case .number(let digits): digits
        case .null, .bool, .string, .array, .object: nil
        }
    }
}

extension JSONValue {
    /// The longest time that is taken from an answer; nobody lives to see the difference (facts D11).
    static let longestTime: Duration = .seconds(100 * 31_557_600)

    /// A number of seconds, written as a number or as text, with its fraction cut off towards the past (facts F20).
    ///
    /// - Returns: At most 100 years either way. Nil when it is no finite decimal number (facts F21).
    var seconds: Duration? {
        let written: String
        switch self {
        case .number(let text): written = text
        case .string(let text):
            guard let last = text.lastIndex(where: { !$0.isWhitespace }) else { return nil }
            written = String(text[...last].drop { $0.isWhitespace })
        case .null, .bool, .array, .object: return nil
        }
        // `Double` also reads "nan", "inf" and hexadecimal.
        let isDecimal = written.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
        guard isDecimal, written.utf8.count <= JSONReader.maximumDigits, let value = Double(written), value.isFinite
        else { return nil }
        let limit = Double(Self.longestTime.components.seconds)
        return .seconds(Int64(Swift.min(Swift.max(value.rounded(.down), -limit), limit)))
    }
}
