import ControlAPI

/// How `refreshctl token` writes a token, for the program that reads it.
enum TokenForm: Hashable, Sendable {
    case bare
    /// A header line, `Authorization: Bearer …` (RFC 6750 §2.1).
    case header
    /// A parameter for the query of an address or for a form, `access_token=…` (RFC 6750 §2.2, §2.3).
    case query
    /// The initial response of the SASL mechanism XOAUTH2 for a mail user, as Google's and Microsoft's mail servers
    /// take it: base64 of `user=USER^Aauth=Bearer TOKEN^A^A`.
    case xoauth2(user: String)

    /// The token in this form, on one line without its end.
    ///
    /// - Throws: `Failure` for a token with characters that no token has (RFC 6750 §2.1): printed, it would be another
    ///   header line or a command to the terminal. And for one that is no bearer token where the form says it is.
    func text(of token: Wire.Token) throws(Failure) -> String {
        guard !token.accessToken.isEmpty, token.accessToken.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Failure(.failed, "the token holds characters that cannot be printed; --json shows it escaped")
        }
        // Providers write the type in any case; some services take it in one only (RFC 6750 §2.1).
        let isBearer = token.tokenType.lowercased() == "bearer"
        switch self {
        case .bare: return token.accessToken
        case .header: return "Authorization: \(isBearer ? "Bearer" : token.tokenType.escaped) \(token.accessToken)"
        case .query:
            guard isBearer else { throw Self.noBearer(token) }
            return "access_token=\(Self.percentEncoded(token.accessToken))"
        case .xoauth2(let user):
            guard isBearer else { throw Self.noBearer(token) }
            return Self.base64("user=\(user)\u{1}auth=Bearer \(token.accessToken)\u{1}\u{1}")
        }
    }

    private static func noBearer(_ token: Wire.Token) -> Failure {
        Failure(.failed, "this form is for bearer tokens, and the token is of the type \(token.tokenType.escaped)")
    }

    /// Every byte but the unreserved ones of RFC 3986 §2.3 as `%XX`, which a form and a query read alike.
    private static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".unicodeScalars)
        return text.utf8.reduce(into: "") { encoded, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded += "%"
                encoded.unicodeScalars.append(digits[Int(byte >> 4)])
                encoded.unicodeScalars.append(digits[Int(byte & 15)])
            }
        }
    }

    /// Base64 with its padding and without line breaks (RFC 4648 §4).
    private static func base64(_ text: String) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".unicodeScalars)
        let bytes = Array(text.utf8)
        var encoded = String.UnicodeScalarView()
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
            for place in 0..<4 {
                let index = Int(bits >> (18 - 6 * UInt32(place)) & 63)
                encoded.append(place <= group.count ? alphabet[index] : "=")
            }
        }
        return String(encoded)
    }
}
