/// Reads the text of an interface definition, a token at a time.
///
/// The text is our own or a developer's, never a peer's: it is checked for mistakes, not defended against.
struct InterfaceParser {
    typealias Declaration = InterfaceDescription.Declaration
    typealias Field = InterfaceDescription.Field
    typealias TypeExpression = InterfaceDescription.TypeExpression

    private var rest: Substring
    private var line = 1
    /// The comment lines since the last blank line or token.
    private var comment: [Substring] = []
    private var referenced: [(name: String, line: Int)] = []

    init(_ text: String) {
        self.rest = text[...]
    }

    mutating func interface() throws(DescriptionError) -> (name: String, declarations: [Declaration]) {
        try self.keyword("interface")
        let name = self.word { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }
        guard Self.isInterfaceName(name) else { throw self.fault("'\(name)' is no interface name") }
        var declarations: [Declaration] = []
        var names: Set<String> = []
        while true {
            self.skipSpace()
            if self.rest.isEmpty { break }
            let declaration = try self.declaration()
            guard names.insert(declaration.name).inserted else {
                throw self.fault("\(declaration.name) is declared twice")
            }
            declarations.append(declaration)
        }
        let types = Set(declarations.filter { if case .type = $0.kind { true } else { false } }.map(\.name))
        if let unknown = self.referenced.first(where: { !types.contains($0.name) }) {
            throw DescriptionError(line: unknown.line, reason: "there is no type \(unknown.name)")
        }
        return (name, declarations)
    }

    private mutating func declaration() throws(DescriptionError) -> Declaration {
        let documentation = self.comment.joined(separator: "\n")
        let keyword = self.word { $0.isLetter }
        guard ["type", "method", "error"].contains(keyword) else {
            throw self.fault("expected type, method or error, found '\(keyword)'")
        }
        self.skipSpace()
        let name = self.word { $0.isLetter || $0.isNumber }
        guard let first = name.first, "A"..."Z" ~= first else {
            throw self.fault("'\(name)' does not begin with A to Z")
        }
        let kind: Declaration.Kind
        switch keyword {
        case "type": kind = .type(try self.composite())
        case "method":
            let input = try self.structure()
            try self.symbol("->")
            kind = .method(input: input, output: try self.structure())
        default: kind = .error(try self.structure())
        }
        return Declaration(name: name, documentation: documentation, kind: kind)
    }

    // MARK: Types

    private mutating func type() throws(DescriptionError) -> TypeExpression {
        if self.take("?") {
            let inner = try self.type()
            if case .optional = inner { throw self.fault("'??' is no type") }
            return .optional(inner)
        }
        if self.take("[]") {
            let element = try self.type()
            if case .array = element { throw self.fault("'[][]' is no type") }
            return .array(element)
        }
        if self.take("[string]") { return .map(try self.type()) }
        self.skipSpace()
        if self.rest.first == "(" { return try self.composite() }
        let name = self.word { $0.isLetter || $0.isNumber }
        switch name {
        case "bool": return .bool
        case "int": return .int
        case "float": return .float
        case "string": return .string
        case "object": return .object
        default:
            guard let first = name.first, "A"..."Z" ~= first else { throw self.fault("'\(name)' is no type") }
            self.referenced.append((name, self.line))
            return .named(name)
        }
    }

    private mutating func structure() throws(DescriptionError) -> [Field] {
        guard case .structure(let fields) = try self.composite() else {
            throw self.fault("expected fields with types, found an enumeration")
        }
        return fields
    }

    /// A structure or an enumeration; which one shows after the first name.
    private mutating func composite() throws(DescriptionError) -> TypeExpression {
        try self.symbol("(")
        if self.take(")") { return .structure([]) }
        var fields: [Field] = []
        var words: [String] = []
        var names: Set<String> = []
        repeat {
            self.skipSpace()
            let name = self.word { $0.isLetter || $0.isNumber || $0 == "_" }
            guard Self.isFieldName(name) else { throw self.fault("'\(name)' is no field name") }
            guard names.insert(name).inserted else { throw self.fault("the field \(name) stands twice") }
            if self.take(":") {
                fields.append(Field(name: name, type: try self.type()))
            } else {
                words.append(name)
            }
        } while self.take(",")
        try self.symbol(")")
        guard fields.isEmpty || words.isEmpty else { throw self.fault("'\(words[0])' has no type, its neighbours do") }
        return words.isEmpty ? .structure(fields) : .enumeration(words)
    }

    // MARK: Names

    /// At least two labels of letters, digits and inner hyphens; the first begins with a letter.
    static func isInterfaceName(_ name: String) -> Bool {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2, let first = name.first, first.isASCII, first.isLetter else { return false }
        return labels.allSatisfy { label in
            !label.isEmpty && label.first != "-" && label.last != "-"
                && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        }
    }

    /// Letters, digits and single inner underscores, with a letter in front.
    static func isFieldName(_ name: String) -> Bool {
        guard let first = name.first, first.isASCII, first.isLetter, name.last != "_" else { return false }
        return !name.contains("__") && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }

    // MARK: Tokens

    private mutating func keyword(_ keyword: String) throws(DescriptionError) {
        self.skipSpace()
        let found = self.word { $0.isLetter }
        guard found == keyword else { throw self.fault("expected '\(keyword)', found '\(found)'") }
        self.skipSpace()
    }

    private mutating func symbol(_ symbol: String) throws(DescriptionError) {
        guard self.take(symbol) else {
            throw self.fault("expected '\(symbol)', found '\(self.rest.prefix { !$0.isNewline }.prefix(20))'")
        }
    }

    private mutating func take(_ symbol: String) -> Bool {
        self.skipSpace()
        guard self.rest.hasPrefix(symbol) else { return false }
        self.rest.removeFirst(symbol.count)
        self.comment = []
        return true
    }

    private mutating func word(_ isPart: (Character) -> Bool) -> String {
        let word = self.rest.prefix(while: isPart)
        self.rest = self.rest[word.endIndex...]
        self.comment = []
        return String(word)
    }

    private mutating func skipSpace() {
        while let next = self.rest.first {
            if next == "#" {
                let line = self.rest.prefix { !$0.isNewline }
                // A comment behind a declaration belongs to nothing; one on its own line to what follows.
                if self.startsLine(line) { self.comment.append(line.dropFirst().trimmingLeadingSpace) }
                self.rest = self.rest[line.endIndex...]
            } else if next.isNewline {
                self.line += 1
                self.rest.removeFirst()
                if self.rest.first?.isNewline == true { self.comment = [] }
            } else if next == " " || next == "\t" {
                self.rest.removeFirst()
            } else {
                return
            }
        }
    }

    private func startsLine(_ line: Substring) -> Bool {
        let before = line.base[..<line.startIndex]
        return before.reversed().first { $0 != " " && $0 != "\t" }?.isNewline ?? true
    }

    private func fault(_ reason: String) -> DescriptionError {
        DescriptionError(line: self.line, reason: reason)
    }
}

extension Substring {
    fileprivate var trimmingLeadingSpace: Substring { self.drop { $0 == " " || $0 == "\t" } }
}
