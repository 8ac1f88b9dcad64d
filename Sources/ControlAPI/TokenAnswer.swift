import FoundationEssentials

/// A token endpoint's answer, as it was received: any JSON object.
///
/// Which members mean what is the profile's business, so nothing is picked out here and nothing is lost. The value is
/// a secret through and through: it prints as `‹secret›`.
package struct TokenAnswer: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
    /// The object as JSON text.
    package let json: [UInt8]

    /// - Throws: `InvalidParameter`, named `token`, if `json` is no JSON object.
    package init(json: some Sequence<UInt8>) throws(InvalidParameter) {
        self.json = Array(json)
        do {
            _ = try JSONDecoder().decode([String: Node].self, from: Data(self.json))
        } catch {
            throw InvalidParameter(name: "token")
        }
    }

    package var description: String { "‹secret›" }
    package var debugDescription: String { "‹secret›" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension TokenAnswer: Codable {
    package init(from decoder: any Decoder) throws {
        let members = try decoder.singleValueContainer().decode([String: Node].self)
        self.json = try members.controlJSON()
    }

    package func encode(to encoder: any Encoder) throws {
        let members = try JSONDecoder().decode([String: Node].self, from: Data(self.json))
        var container = encoder.singleValueContainer()
        try container.encode(members)
    }
}

/// Any JSON value on its way through a `Codable` type.
private indirect enum Node: Codable, Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    // Providers number their users beyond 64 bits; `Double` would change the last digits.
    case decimal(Decimal)
    case string(String)
    case array([Node])
    case object([String: Node])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .int(value)
        } else if let value = try? container.decode(Decimal.self) {
            self = .decimal(value)
        } else if let value = try? container.decode([Node].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: Node].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .decimal(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}
