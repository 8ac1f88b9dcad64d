// Names, scopes and providers' messages come from far away. A terminal obeys some of what is printed on it: colours and
// titles at best, at worst text that is read as typed, or lines that show something else than they hold.

extension Unicode.Scalar {
    /// Control characters, separators that break lines, and marks that change the direction of the text around them.
    fileprivate var isUnsafeOnTerminal: Bool {
        switch self.value {
        case 0x00..<0x20, 0x7F..<0xA0, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}

extension String {
    /// The text on one line, with every character that a terminal might obey written as `\u{…}`.
    var escaped: String {
        guard self.unicodeScalars.contains(where: \.isUnsafeOnTerminal) else { return self }
        return self.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.isUnsafeOnTerminal {
                text += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }

    /// JSON text with those characters written as JSON writes them, so that it means the same.
    var escapedJSON: String {
        guard self.unicodeScalars.contains(where: \.isUnsafeOnTerminal) else { return self }
        return self.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.isUnsafeOnTerminal {
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }
}
