import TOMLKit

/// A value of a configuration file that knows where it stands.
struct ConfigurationNode: Hashable, Sendable {
    enum Content: Hashable, Sendable {
        case string(String)
        case integer(Int)
        case number(Double)
        case boolean(Bool)
        /// A date or a time, which no key takes.
        case moment
        case list([ConfigurationNode])
        case table([String: ConfigurationNode])
    }

    var content: Content
    var place: ConfigurationPlace

    /// The kind of the value, for people.
    var kind: String {
        switch self.content {
        case .string: "text"
        case .integer, .number: "a number"
        case .boolean: "true or false"
        case .moment: "a date or time"
        case .list: "a list"
        case .table: "a table"
        }
    }
}

extension ConfigurationNode {
    /// Parses a file into its root table.
    ///
    /// - Throws: `ConfigurationError` for what is no TOML. It holds nothing of the text.
    init(parsing bytes: [UInt8], file: String) throws(ConfigurationError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(
                place: ConfigurationPlace(file: file),
                message: "is not UTF-8 text",
                remedy: "save it as UTF-8"
            )
        }
        // The parser hands texts over as C strings: what came after a NUL would be lost without a word.
        if let line = Self.lineOfNUL(in: text) {
            throw ConfigurationError(
                place: ConfigurationPlace(file: file, line: line),
                message: "there is a NUL character",
                remedy: "remove it; an escaped one counts too"
            )
        }
        // The parser ends the process over a header that does not begin with a name, where it should complain.
        if let line = Self.lineOfNamelessHeader(in: text) {
            throw ConfigurationError(
                place: ConfigurationPlace(file: file, line: line),
                message: "there is a table header without a name",
                remedy: "write [name], or [[name]] for a list of tables"
            )
        }
        do {
            let index = LineIndex(text)
            let root = ConfigurationPlace(file: file)
            self = Self.table(try TOMLTable(string: text), place: root, index: index)
        } catch {
            let line = (error as? TOMLParseError)?.source.begin.line
            throw ConfigurationError(
                place: ConfigurationPlace(file: file, line: line),
                message: Self.sentence(for: (error as? TOMLParseError)?.description ?? ""),
                remedy: "see the example file for how a value is written; texts stand in quotes"
            )
        }
    }

    private static func lineOfNUL(in text: String) -> Int? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let found = lines.firstIndex { line in
            line.utf8.contains(0) || line.contains("\\u0000") || line.contains("\\U00000000")
        }
        return found.map { $0 + 1 }
    }

    /// The first line that begins with a bracket, or two, after which no name can begin.
    private static func lineOfNamelessHeader(in text: String) -> Int? {
        let blanks: Set<UInt8> = [UInt8(ascii: " "), UInt8(ascii: "\t")]
        let names = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-\"'".utf8)
        let bracket = UInt8(ascii: "[")
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let found = lines.firstIndex { line in
            // Whatever the parser may take for a blank, also beyond ASCII.
            var rest = line.drop { !(0x21...0x7E).contains($0) }
            guard rest.first == bracket else { return false }
            rest = rest.dropFirst()
            if rest.first == bracket { rest = rest.dropFirst() }
            // An empty pair of brackets is complained about as it should be.
            guard let first = rest.drop(while: blanks.contains).first else { return true }
            return !names.contains(first) && first != UInt8(ascii: "]")
        }
        return found.map { $0 + 1 }
    }

    /// The parser's words up to the first quotation: what it quotes is the text, and may be a secret.
    private static func sentence(for description: String) -> String {
        let ownWords = description.prefix { $0 != "'" && $0 != "\n" }
        let clause = ownWords.split(separator: ": ").last.map(String.init) ?? ""
        let end = clause.hasSuffix(", saw ") ? clause.dropLast(6) : clause[...]
        let words = end.split(separator: " ").joined(separator: " ")
        return words.isEmpty ? "is not TOML" : "is not TOML (\(words))"
    }

    private static func table(_ table: TOMLTable, place: ConfigurationPlace, index: LineIndex) -> ConfigurationNode {
        var entries: [String: ConfigurationNode] = [:]
        for key in table.keys {
            guard let value = table[key] else { continue }
            var inner = place.appending(key)
            inner.line = index.line(of: inner.keyPath) ?? place.line
            entries[key] = Self.node(value, place: inner, index: index)
        }
        return ConfigurationNode(content: .table(entries), place: place)
    }

    private static func node(
        _ value: any TOMLValueConvertible,
        place: ConfigurationPlace,
        index: LineIndex
    ) -> ConfigurationNode {
        if let table = value.table { return Self.table(table, place: place, index: index) }
        if let list = value.array {
            let items = list.enumerated().map { offset, item in
                var inner = place
                inner.keyPath += "[\(offset)]"
                inner.line = index.line(of: inner.keyPath) ?? place.line
                return Self.node(item, place: inner, index: index)
            }
            return ConfigurationNode(content: .list(items), place: place)
        }
        let content: Content =
            value.string.map(Content.string) ?? value.bool.map(Content.boolean) ?? value.int.map(Content.integer)
            ?? value.double.map(Content.number) ?? .moment
        return ConfigurationNode(content: content, place: place)
    }
}

extension ConfigurationNode {
    /// Lays a later file over this one, key by key; a later value replaces an earlier one.
    ///
    /// Tables are merged, with one exception: a reference to a secret is one value, or naming a file where a credential
    /// was named before would leave both. Lists are replaced, but for those in `appending`, which grow.
    ///
    /// - Parameters:
    ///   - later: Of the same kind; its places are kept.
    ///   - appending: Keys of this table, not of those below it.
    mutating func merge(_ later: ConfigurationNode, appending: Set<String> = []) {
        guard case .table(var entries) = self.content, case .table(let changes) = later.content,
            !self.isSecretReference, !later.isSecretReference
        else {
            self = later
            return
        }
        for (key, change) in changes {
            guard var entry = entries[key] else {
                entries[key] = change
                continue
            }
            if appending.contains(key), case .list(let items) = entry.content, case .list(let more) = change.content {
                entry.content = .list(items + more)
            } else {
                entry.merge(change)
            }
            entries[key] = entry
        }
        self.content = .table(entries)
    }

    private var isSecretReference: Bool {
        guard case .table(let entries) = self.content else { return false }
        return !entries.isEmpty && entries.keys.allSatisfy { $0 == "credential" || $0 == "file" }
    }
}
