/// An interface as its definition text describes it (varlink "Interface Definition").
package struct InterfaceDescription: Hashable, Sendable {
    /// The reverse-domain name: `org.varlink.service`.
    package let name: String
    /// The definition's text, comments included, as it was given.
    package let text: String
    /// Types, methods and errors in the order of the text.
    ///
    /// They share one name space.
    package let declarations: [Declaration]

    /// One `type`, `method` or `error`.
    package struct Declaration: Hashable, Sendable {
        package enum Kind: Hashable, Sendable {
            case type(TypeExpression)
            case method(input: [Field], output: [Field])
            case error([Field])
        }

        package var name: String
        /// The comment lines right above, without their `#`.
        package var documentation: String
        package var kind: Kind
    }

    package struct Field: Hashable, Sendable {
        package var name: String
        package var type: TypeExpression

        package init(name: String, type: TypeExpression) {
            self.name = name
            self.type = type
        }
    }

    package indirect enum TypeExpression: Hashable, Sendable {
        case bool
        case int
        case float
        case string
        /// Any JSON.
        case object
        case structure([Field])
        case enumeration([String])
        /// A type declared in the same interface.
        case named(String)
        case array(TypeExpression)
        /// From any string to the given type.
        case map(TypeExpression)
        /// May be null or absent.
        case optional(TypeExpression)
    }

    /// - Throws: `DescriptionError` with the line of the first fault.
    package init(parsing text: String) throws(DescriptionError) {
        var parser = InterfaceParser(text)
        let (name, declarations) = try parser.interface()
        self.name = name
        self.text = text
        self.declarations = declarations
        self.types = declarations.reduce(into: [:]) { types, declaration in
            if case .type(let type) = declaration.kind { types[declaration.name] = type }
        }
        self.inputs = declarations.reduce(into: [:]) { inputs, declaration in
            if case .method(let input, _) = declaration.kind { inputs[declaration.name] = input }
        }
    }

    private let types: [String: TypeExpression]
    private let inputs: [String: [Field]]

    /// The methods' names, without the interface's, in the order of the text.
    package var methodNames: [String] {
        self.declarations.compactMap { declaration in
            guard case .method = declaration.kind else { return nil }
            return declaration.name
        }
    }

    /// Whether the interface has a method of that name, which is without the interface's.
    package func hasMethod(_ name: String) -> Bool {
        self.inputs[name] != nil
    }

    /// Returns the first argument with which a call does not match the method's definition, or `nil` if all do.
    ///
    /// That is one that is not defined, one that is missing, or one of another type. A fault inside a structure is
    /// reported under the argument that holds it, for `InvalidParameter` has room for one name.
    ///
    /// For a method that does not exist any argument is a fault.
    package func invalidArgument(in arguments: JSONObject, of method: String) -> String? {
        self.fault(in: arguments, against: self.inputs[method] ?? [])
    }

    private func fault(in object: JSONObject, against fields: [Field]) -> String? {
        if let unknown = object.members.first(where: { member in !fields.contains { $0.name == member.name } }) {
            return unknown.name
        }
        return fields.first { !self.matches(object[$0.name], $0.type) }?.name
    }

    private func matches(_ value: JSONValue?, _ type: TypeExpression) -> Bool {
        if case .optional(let type) = type {
            guard let value, value != .null else { return true }
            return self.matches(value, type)
        }
        guard let value else { return false }
        switch type {
        case .bool: return value.bool != nil
        case .int: return value.int != nil
        case .float:
            if case .double = value { return true }
            return value.int != nil
        case .string: return value.string != nil
        case .object: return value.object != nil
        case .structure(let fields):
            return value.object.map { self.fault(in: $0, against: fields) == nil } ?? false
        case .enumeration(let words): return value.string.map(words.contains) ?? false
        case .named(let name): return self.types[name].map { self.matches(value, $0) } ?? false
        case .array(let element): return value.array?.allSatisfy { self.matches($0, element) } ?? false
        case .map(let element):
            return value.object?.members.allSatisfy { self.matches($0.value, element) } ?? false
        case .optional: return false
        }
    }
}

/// Why a definition's text is none.
package struct DescriptionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Counted from 1.
    package var line: Int
    package var reason: String

    package var description: String { "line \(self.line): \(self.reason)" }
}
