import FoundationEssentials

/// The arguments of one method of `org.refreshd.Control`, and what it answers.
///
/// On the wire names are in snake case and times are Unix seconds. An argument that may be left out may be null as
/// well; an absent one is not written.
package protocol ControlCall: Codable, Hashable, Sendable {
    associatedtype Reply: Codable & Hashable & Sendable

    /// The method's name without the interface's: `GetToken`.
    static var method: String { get }
}

extension ControlCall {
    /// `org.refreshd.Control.GetToken`.
    package static var fullMethod: String { "\(ControlInterface.name).\(Self.method)" }

    /// Reads the arguments from the JSON object of a call.
    ///
    /// Arguments that the method does not know are passed over here; `InterfaceDescription.invalidArgument(in:of:)`
    /// has refused them before.
    ///
    /// - Throws: `InvalidParameter` with the first argument that is missing or of the wrong type.
    package init(parameters: some Sequence<UInt8>) throws(InvalidParameter) {
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(parameters))
        } catch {
            throw InvalidParameter(error)
        }
    }
}

extension Encodable {
    /// Returns the value as the JSON object that goes into a message's `parameters`: one line, members in the order
    /// of their names.
    package func controlJSON() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }
}

extension Decodable {
    /// Reads an answer's `parameters`.
    ///
    /// - Throws: `DecodingError` if the daemon answers what the interface does not say.
    package init(controlJSON bytes: some Sequence<UInt8>) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(bytes))
    }
}

/// An argument that does not match the interface; `org.varlink.service.InvalidParameter` on the wire.
package struct InvalidParameter: Error, Hashable, Sendable {
    /// The argument's name, or empty if the arguments are no JSON object at all.
    package var name: String

    package init(name: String) {
        self.name = name
    }

    init(_ error: any Error) {
        let path: [any CodingKey] =
            switch error as? DecodingError {
            case .keyNotFound(let key, let context): context.codingPath + [key]
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                context.codingPath
            case nil: []
            @unknown default: []
            }
        self.name = path.first?.stringValue ?? ""
    }
}
