/// The random part of a token: 128 bits, so that none is found by guessing.
struct TokenSecret: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    static func random() -> TokenSecret {
        TokenSecret(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }
}

/// What a token's text says: `PREFIX KIND - GRANT - SERIAL - SECRET`, for example `canary-at-12-3-…`.
///
/// The text names its place in the ledger, so a look-up is two array accesses and a comparison of the random part. A
/// dictionary of every token ever made would do the same for three times the memory.
struct TokenText: Hashable, Sendable {
    enum Kind: String, Sendable {
        case access = "at"
        case refresh = "rt"
    }

    var kind: Kind
    /// The grant's place in the ledger.
    var grant: Int
    /// Which token of its kind within the grant, from 0.
    var serial: Int
    var secret: TokenSecret

    func render(prefix: String) -> String {
        "\(prefix)\(self.kind.rawValue)-\(self.grant)-\(self.serial)-\(Self.hex(self.secret.high))\(Self.hex(self.secret.low))"
    }

    /// Reads a token's text; nil when we cannot have made it.
    ///
    /// Rendered again the value must give the same text: `+7`, `007` and capital letters are other tokens.
    static func parse(_ text: String, prefix: String) -> TokenText? {
        guard text.hasPrefix(prefix) else { return nil }
        let parts = text.dropFirst(prefix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[3].utf8.count == 32 else { return nil }
        guard
            let kind = Kind(rawValue: String(parts[0])), let grant = Int(parts[1]), let serial = Int(parts[2]),
            let high = UInt64(parts[3].prefix(16), radix: 16), let low = UInt64(parts[3].suffix(16), radix: 16)
        else { return nil }
        let token = TokenText(kind: kind, grant: grant, serial: serial, secret: TokenSecret(high: high, low: low))
        return token.render(prefix: prefix) == text ? token : nil
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
