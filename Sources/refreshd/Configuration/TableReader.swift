import RefreshCore

/// Reads one table: each key is asked for by name and kind, and what nobody has asked for is unknown.
///
/// Every function returns nil both for a key that is not there and for one that is wrong, which it has then reported.
/// Wrong values are not repeated in the reports.
final class TableReader {
    let place: ConfigurationPlace
    let findings: ConfigurationFindings
    private let entries: [String: ConfigurationNode]
    /// The path with `*` for names, to know keys by.
    private let pattern: String
    private var asked: Set<String> = []

    init(
        _ entries: [String: ConfigurationNode],
        place: ConfigurationPlace,
        pattern: String,
        findings: ConfigurationFindings
    ) {
        self.entries = entries
        self.place = place
        self.pattern = pattern
        self.findings = findings
    }

    /// Whether the key is there, rightly or not.
    func has(_ key: String) -> Bool { self.entries[key] != nil }

    /// Whether the key has this very text; asks nothing and reports nothing.
    func says(_ key: String, _ text: String) -> Bool {
        guard case .string(text)? = self.entries[key]?.content else { return false }
        return true
    }

    /// Where a key stands, or would.
    func place(of key: String) -> ConfigurationPlace { self.entries[key]?.place ?? self.place.appending(key) }

    func report(_ key: String, _ message: String, _ remedy: String) {
        self.findings.report(self.place(of: key), message, remedy)
    }

    func warn(_ key: String, _ sentence: String) { self.findings.warn(self.place(of: key), sentence) }

    /// Reports every key that nobody has asked for.
    ///
    /// - Parameter hint: What else to say of a key, if it has a meaning elsewhere.
    func finish(hint: (_ key: String) -> String? = { _ in nil }) {
        let vocabulary = Vocabulary(self.asked)
        for (key, node) in self.entries where !self.asked.contains(key) {
            self.findings.report(node.place, "no such key", hint(key) ?? vocabulary.remedy(for: key))
        }
    }

    private func ask(_ key: String, knownAs suffix: String = "") -> ConfigurationNode? {
        self.asked.insert(key)
        self.findings.know(self.join(key) + suffix)
        return self.entries[key]
    }

    private func join(_ key: String) -> String { self.pattern.isEmpty ? key : "\(self.pattern).\(key)" }

    private func reportKind(of node: ConfigurationNode, expected: String, remedy: String) {
        self.findings.report(node.place, "is \(node.kind), but must be \(expected)", remedy)
    }
}

// MARK: - Single values

extension TableReader {
    /// A text that is not empty and has no control characters.
    func text(_ key: String) -> String? {
        guard let node = self.ask(key) else { return nil }
        return self.text(node)
    }

    private func text(_ node: ConfigurationNode) -> String? {
        guard case .string(let text) = node.content else {
            self.reportKind(of: node, expected: "text", remedy: "write it in quotes")
            return nil
        }
        guard !text.isEmpty else {
            self.findings.report(node.place, "is empty", "write a value or remove the key")
            return nil
        }
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
            self.findings.report(node.place, "has control characters", "remove them")
            return nil
        }
        return text
    }

    /// An absolute path.
    func path(_ key: String, atMost length: Int = Configuration.Limits.pathLength) -> String? {
        guard let text = self.text(key) else { return nil }
        guard text.hasPrefix("/") else {
            self.report(key, "is not an absolute path", "begin it with /")
            return nil
        }
        guard text.utf8.count <= length else {
            self.report(key, "is longer than \(length) bytes", "use a shorter path")
            return nil
        }
        return text
    }

    func boolean(_ key: String) -> Bool? {
        guard let node = self.ask(key) else { return nil }
        guard case .boolean(let value) = node.content else {
            self.reportKind(of: node, expected: "true or false", remedy: "write it without quotes")
            return nil
        }
        return value
    }

    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let node = self.ask(key) else { return nil }
        guard case .integer(let value) = node.content else {
            self.reportKind(of: node, expected: "a whole number", remedy: "write digits without quotes")
            return nil
        }
        guard range.contains(value) else {
            self.report(key, "is out of range", "use \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
        guard let node = self.ask(key) else { return nil }
        let value: Double
        switch node.content {
        case .integer(let whole): value = Double(whole)
        case .number(let number): value = number
        case .string, .boolean, .moment, .list, .table:
            self.reportKind(of: node, expected: "a number", remedy: "write digits without quotes")
            return nil
        }
        // Also refuses what is not a number, and infinity.
        guard range.contains(value) else {
            self.report(key, "is out of range", "use \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    func duration(_ key: String, in range: ClosedRange<Duration>) -> Duration? {
        let remedy = "write a number and its unit in quotes: \"500ms\", \"90s\", \"5m\", \"2h\" or \"30d\""
        guard let node = self.ask(key) else { return nil }
        guard case .string(let text) = node.content else {
            self.reportKind(of: node, expected: "a duration", remedy: remedy)
            return nil
        }
        guard let duration = Duration(text: text) else {
            self.report(key, "is not a duration", remedy)
            return nil
        }
        guard range.contains(duration) else {
            self.report(key, "is out of range", "use \(range.lowerBound.text) to \(range.upperBound.text)")
            return nil
        }
        return duration
    }

    /// One of the words of a type.
    func word<Word: RawRepresentable<String> & CaseIterable>(_ key: String, as type: Word.Type) -> Word? {
        guard let text = self.text(key) else { return nil }
        guard let word = Word(rawValue: text) else {
            let words = Vocabulary(Word.allCases.map(\.rawValue))
            self.report(key, "is not a word that is known here", words.remedy(for: text))
            return nil
        }
        return word
    }

    /// The checked name of a third party's own: 1 to 64 letters, digits, hyphens and underscores.
    func segment(_ key: String) -> String? {
        guard let text = self.text(key) else { return nil }
        guard text.utf8.count <= 64, text == ConfigurationPlace.join("", text) else {
            self.report(key, "is not one word", "use 1 to 64 letters, digits, hyphens and underscores")
            return nil
        }
        return text
    }

    func endpoint(_ key: String, insecureLoopback: Bool) -> EndpointURL? {
        guard let text = self.text(key) else { return nil }
        do throws(EndpointURLError) {
            return try EndpointURL(text, insecureLoopback: insecureLoopback)
        } catch {
            self.report(key, error.sentence, "correct the address")
            return nil
        }
    }
}

// MARK: - Lists and tables

extension TableReader {
    /// A list of texts, each with its place; may be empty.
    func texts(_ key: String) -> [(text: String, place: ConfigurationPlace)]? {
        guard let items = self.list(key) else { return nil }
        return items.compactMap { item in self.text(item).map { ($0, item.place) } }
    }

    /// A list whose items may be of any kind.
    func list(_ key: String) -> [ConfigurationNode]? {
        guard let node = self.ask(key) else { return nil }
        guard case .list(let items) = node.content else {
            self.reportKind(of: node, expected: "a list", remedy: "write it in brackets: [\"…\", \"…\"]")
            return nil
        }
        return items
    }

    /// A value of any kind.
    func node(_ key: String) -> ConfigurationNode? { self.ask(key) }

    /// A table of names and texts.
    func map(_ key: String) -> [String: String]? {
        guard let node = self.ask(key, knownAs: ".*") else { return nil }
        guard case .table(let entries) = node.content else {
            self.reportKind(of: node, expected: "a table", remedy: "write it as { name = \"value\" }")
            return nil
        }
        return entries.compactMapValues { self.text($0) }
    }

    /// The place of an entry of a `map`.
    func place(of name: String, in key: String) -> ConfigurationPlace {
        guard case .table(let entries)? = self.entries[key]?.content, let entry = entries[name] else {
            return self.place(of: key)
        }
        return entry.place
    }

    /// A table of known keys; one that is not there reads as empty, so that its keys are known all the same.
    func table(_ key: String) -> TableReader {
        self.asked.insert(key)
        return self.reader(of: self.entries[key], place: self.place(of: key), pattern: self.join(key))
    }

    /// The tables below one, by names that the operator chose, in the order of the names.
    func namedTables(_ key: String) -> [(name: String, table: TableReader)] {
        self.asked.insert(key)
        guard let node = self.entries[key] else { return [] }
        guard case .table(let entries) = node.content else {
            self.reportKind(of: node, expected: "a table", remedy: "write [\(key).NAME] and its keys below")
            return []
        }
        return entries.sorted { $0.key < $1.key }.map { name, entry in
            (name, self.reader(of: entry, place: entry.place, pattern: "\(self.join(key)).*"))
        }
    }

    /// A list of tables, in the order they were written in.
    func tables(_ key: String) -> [TableReader] {
        self.asked.insert(key)
        guard let node = self.entries[key] else { return [] }
        guard case .list(let items) = node.content else {
            self.reportKind(of: node, expected: "a list of tables", remedy: "write [[\(key)]] and its keys below")
            return []
        }
        return items.map { self.reader(of: $0, place: $0.place, pattern: self.join(key)) }
    }

    private func reader(of node: ConfigurationNode?, place: ConfigurationPlace, pattern: String) -> TableReader {
        var entries: [String: ConfigurationNode] = [:]
        switch node?.content {
        case .table(let found)?: entries = found
        case nil: break
        case .string?, .integer?, .number?, .boolean?, .moment?, .list?:
            if let node {
                self.reportKind(of: node, expected: "a table", remedy: "write [\(place.keyPath)] and its keys below")
            }
        }
        return TableReader(entries, place: place, pattern: pattern, findings: self.findings)
    }
}

// MARK: - Secrets

extension TableReader {
    /// Where a secret is kept: `{ credential = "name" }` or `{ file = "/…" }`.
    func secretReference(_ key: String) -> SecretReference? {
        self.asked.insert(key)
        self.findings.know(self.join(key))
        guard let node = self.entries[key] else { return nil }
        return self.secretReference(node, in: key)
    }

    /// A list of places where secrets are kept, each with its own place in the file.
    func secretReferences(_ key: String) -> [(reference: SecretReference, place: ConfigurationPlace)] {
        (self.list(key) ?? []).compactMap { node in
            self.secretReference(node, in: key).map { ($0, node.place) }
        }
    }

    private func secretReference(_ node: ConfigurationNode, in key: String) -> SecretReference? {
        let remedy = "write { credential = \"name\" } or { file = \"/…\" }"
        guard case .table(let entries) = node.content else {
            if case .string = node.content {
                self.findings.report(
                    node.place,
                    "a secret must not stand in the configuration itself",
                    remedy + ", and replace the secret"
                )
            } else {
                self.reportKind(of: node, expected: "a reference to a secret", remedy: remedy)
            }
            return nil
        }
        let reader = TableReader(entries, place: node.place, pattern: self.join(key), findings: self.findings)
        let credential = reader.text("credential")
        let file = reader.path("file")
        reader.finish()
        switch (credential, file) {
        case (let name?, nil) where !reader.has("file"):
            guard Self.isCredentialName(name) else {
                reader.report("credential", "is not a name of a credential", "use letters, digits, '-', '_' and '.'")
                return nil
            }
            return .credential(name)
        case (nil, let path?) where !reader.has("credential"): return .file(path)
        default:
            if reader.has("credential") == reader.has("file") {
                self.findings.report(node.place, "needs one of credential and file", remedy)
            }
            return nil
        }
    }

    /// What systemd takes for a name (credential_name_valid), so that no name leads out of the folder.
    private static func isCredentialName(_ name: String) -> Bool {
        guard name.utf8.count <= 255, name != ".", name != ".." else { return false }
        return name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
    }
}
