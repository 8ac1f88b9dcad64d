/// On which line of a TOML text each key stands.
///
/// The parser knows, but does not tell. This scan follows headers, keys, strings and brackets of a text that the
/// parser has accepted; keys inside inline tables and items of lists are not in it, and count as on the line of theirs.
struct LineIndex {
    private var lines: [String: Int] = [:]
    // How many `[[…]]` headers each list of tables had so far.
    private var counts: [String: Int] = [:]

    init(_ text: String) {
        var scanner = Scanner(bytes: Array(text.utf8))
        var table = ""
        while scanner.findsStatement() {
            let line = scanner.line
            if let brackets = scanner.takeHeaderStart() {
                table = self.path(from: "", scanner.takeKey(), startsItem: brackets == 2)
                self.note(table, line)
                scanner.skipLine()
            } else {
                var path = table
                for key in scanner.takeKey() {
                    path = ConfigurationPlace.join(path, key)
                    self.note(path, line)
                }
                scanner.skipValue()
            }
        }
    }

    /// The line of a key path in the form of `ConfigurationPlace`, from 1.
    func line(of keyPath: String) -> Int? { self.lines[keyPath] }

    private mutating func note(_ path: String, _ line: Int) {
        if self.lines[path] == nil { self.lines[path] = line }
    }

    /// The path that a header means: a list of tables stands for its last item (TOML 1.0, array of tables).
    private mutating func path(from root: String, _ keys: [String], startsItem: Bool) -> String {
        var path = root
        for (index, key) in keys.enumerated() {
            path = ConfigurationPlace.join(path, key)
            if startsItem, index == keys.count - 1 { self.counts[path, default: 0] += 1 }
            if let count = self.counts[path] { path += "[\(count - 1)]" }
        }
        return path
    }
}

extension LineIndex {
    private struct Scanner {
        let bytes: [UInt8]
        var position = 0
        var line = 1

        init(bytes: [UInt8]) { self.bytes = bytes }

        private var current: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

        private mutating func step() {
            if self.current == UInt8(ascii: "\n") { self.line += 1 }
            self.position += 1
        }

        private mutating func take(_ byte: Character) -> Bool {
            guard let ascii = byte.asciiValue, self.current == ascii else { return false }
            self.step()
            return true
        }

        private func isAt(_ text: String) -> Bool {
            self.bytes[min(self.position, self.bytes.count)...].starts(with: text.utf8)
        }

        /// Goes to the next header or key; false at the end.
        mutating func findsStatement() -> Bool {
            while let byte = self.current {
                switch byte {
                case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): self.step()
                case UInt8(ascii: "#"): self.skipLine()
                // A byte order mark, which only the start of a file may have.
                case 0xEF where self.position == 0: self.position = 3
                default: return true
                }
            }
            return false
        }

        /// One or two brackets of a header; nil for a key.
        mutating func takeHeaderStart() -> Int? {
            guard self.take("[") else { return nil }
            return self.take("[") ? 2 : 1
        }

        mutating func skipLine() {
            while let byte = self.current, byte != UInt8(ascii: "\n") { self.step() }
        }

        private mutating func skipBlanks() {
            while self.current == UInt8(ascii: " ") || self.current == UInt8(ascii: "\t") { self.step() }
        }

        /// The parts of a dotted key.
        mutating func takeKey() -> [String] {
            var parts: [String] = []
            repeat {
                self.skipBlanks()
                parts.append(self.takeWord())
                self.skipBlanks()
            } while self.take(".")
            return parts
        }

        private mutating func takeWord() -> String {
            let start = self.position
            switch self.current {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                self.skipString()
                // Escapes stay as written: a key that needs them is found by the line of its table.
                return String(decoding: self.bytes[start..<self.position].dropFirst().dropLast(), as: UTF8.self)
            default:
                while let byte = self.current, !" \t.=]\r\n".utf8.contains(byte) { self.step() }
                return String(decoding: self.bytes[start..<self.position], as: UTF8.self)
            }
        }

        /// Passes over the rest of a statement, which goes on over the ends of lines while a bracket is open.
        mutating func skipValue() {
            var depth = 0
            while let byte = self.current {
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "'"): self.skipString()
                case UInt8(ascii: "#"): self.skipLine()
                case UInt8(ascii: "["), UInt8(ascii: "{"):
                    depth += 1
                    self.step()
                case UInt8(ascii: "]"), UInt8(ascii: "}"):
                    depth -= 1
                    self.step()
                case UInt8(ascii: "\n") where depth <= 0: return
                default: self.step()
                }
            }
        }

        private mutating func skipString() {
            let quote = self.isAt("\"") ? "\"" : "'"
            let mark = self.isAt(quote + quote + quote) ? quote + quote + quote : quote
            self.position += mark.utf8.count
            while self.position < self.bytes.count, !self.isAt(mark) {
                if quote == "\"", self.isAt("\\") { self.step() }
                self.step()
            }
            self.position = min(self.position + mark.utf8.count, self.bytes.count)
            // Up to two quotes more belong to a long string, right before its end.
            if mark.utf8.count == 3 { while self.isAt(quote) { self.position += 1 } }
        }
    }
}
