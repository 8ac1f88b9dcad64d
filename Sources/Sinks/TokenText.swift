import RefreshCore

/// How a token is written into a file, or handed to a program.
package enum TokenFormat: Hashable, Sendable {
    /// The token and nothing else: what is read is what is sent.
    case raw
    /// A header line and its end: `Authorization: Bearer …`.
    case header
    /// An assignment and a line end, as shells and `EnvironmentFile=` read it: `NAME=…`.
    case environment(variable: String)
    /// An object of `account`, `access_token`, `token_type`, `expires_at` (Unix seconds, or null), `scope` and
    /// `generation`, and a line end.
    case json
}

/// One token in one of the formats.
struct TokenText {
    let bytes: Secret

    /// - Throws: `SinkError.refused` for a token with characters that no token has: in a header or an assignment they
    ///   would be more than a token.
    init(_ message: SinkMessage, _ format: TokenFormat, utcShift: Duration) throws(SinkError) {
        let token = message.token.accessToken.revealBytes()
        guard !token.isEmpty, token.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .refused(message: "the token holds characters that cannot be written in this format")
        }
        switch format {
        case .raw: self.bytes = Secret(token)
        case .header: self.bytes = Secret("Authorization: \(message.token.facts.tokenType) ".utf8 + token + [0x0A])
        case .environment(let variable): self.bytes = Secret(Self.assignment(of: token, to: variable))
        case .json: self.bytes = Secret(Self.object(message, token, utcShift: utcShift))
        }
    }

    /// In single quotes where the token has more than letters, digits and the marks that mean nothing to a shell.
    private static func assignment(of token: [UInt8], to variable: String) -> [UInt8] {
        let isPlain = token.allSatisfy { PercentEncoding.isAlphanumeric($0) || "-._~+/=:@%,".utf8.contains($0) }
        let start = Array("\(variable)=".utf8)
        guard !isPlain else { return start + token + [0x0A] }
        // Within single quotes only the quote itself ends anything; it is written outside of them.
        let quoted = token.flatMap { $0 == UInt8(ascii: "'") ? Array(#"'\''"#.utf8) : [$0] }
        return start + [UInt8(ascii: "'")] + quoted + [UInt8(ascii: "'"), 0x0A]
    }

    private static func object(_ message: SinkMessage, _ token: [UInt8], utcShift: Duration) -> [UInt8] {
        let facts = message.token.facts
        let expiry = facts.expiresAt.map { "\(($0 + utcShift).seconds)" } ?? "null"
        let scope = facts.scope.map { Self.string(Array($0.utf8)) }.joined(separator: [UInt8(ascii: ",")])
        var json = Array(#"{"account":"#.utf8) + Self.string(Array(message.account.name.utf8))
        json += Array(#","access_token":"#.utf8) + Self.string(token)
        json += Array(#","token_type":"#.utf8) + Self.string(Array(facts.tokenType.utf8))
        json += Array(#","expires_at":\#(expiry),"scope":["#.utf8) + scope
        json += Array(#"],"generation":\#(message.token.generation.number)}"#.utf8) + [0x0A]
        return json
    }

    /// A JSON string (RFC 8259 §7) of UTF-8 bytes.
    private static func string(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        var text = [UInt8(ascii: "\"")]
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
            case 0..<0x20: text += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: text.append(byte)
            }
        }
        return text + [UInt8(ascii: "\"")]
    }
}
