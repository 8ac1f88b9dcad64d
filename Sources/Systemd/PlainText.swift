/// Makes text from elsewhere safe to show on one line of a terminal or a status.
///
/// Names of accounts and words of providers reach the log. An escape sequence in one of them could rewrite
/// an operator's screen, and a line break could forge a log line.
enum PlainText {
    /// Whether the scalar can move a cursor, break a line or turn the direction of the text around it.
    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x1F, 0x7F...0x9F: true  // C0, DEL and C1
        case 0x2028, 0x2029: true  // line and paragraph separator
        case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true  // bidirectional controls
        default: false
        }
    }

    /// Escapes what is unsafe; everything else stays as it is.
    static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: Self.isUnsafe) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            Self.append(scalar, to: &result)
        }
        return result
    }

    /// The text as one word of a `key=value` line: in double quotes if it is empty or has blanks, quotes, `=`, `\` or
    /// something to be escaped.
    static func word(_ text: String) -> String {
        let needsQuotes =
            text.isEmpty
            || text.unicodeScalars.contains { scalar in
                scalar == " " || scalar == "\"" || scalar == "=" || scalar == "\\" || Self.isUnsafe(scalar)
            }
        guard needsQuotes else { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" {
                result += "\\"
            }
            Self.append(scalar, to: &result)
        }
        return result + "\""
    }

    private static func append(_ scalar: Unicode.Scalar, to text: inout String) {
        guard Self.isUnsafe(scalar) else {
            text.unicodeScalars.append(scalar)
            return
        }
        switch scalar {
        case "\n": text += "\\n"
        case "\r": text += "\\r"
        case "\t": text += "\\t"
        default: text += "\\u{\(String(scalar.value, radix: 16))}"
        }
    }
}
