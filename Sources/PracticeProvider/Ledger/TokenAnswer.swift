/// A successful answer of the token endpoint (RFC 6749 §5.1).
struct TokenAnswer: Hashable, Sendable {
    var accessToken: String
    /// Seconds left.
    var expiresIn: Int
    var notice: LifetimeNotice
    var refreshToken: String?
    var scope: String?

    init(accessToken: String, expiresIn: Int, notice: LifetimeNotice, refreshToken: String?, scope: String?) {
        self.accessToken = accessToken
        self.expiresIn = expiresIn
        self.notice = notice
        self.refreshToken = refreshToken
        self.scope = scope
    }

    /// The first answer of a grant brings a refresh token in every class.
    init(_ answer: TokenAnswer, refreshToken: String) {
        self = answer
        self.refreshToken = refreshToken
    }

    /// Written by hand: this is the one body that is made thousands of times a second.
    var json: String {
        var text = "{\"access_token\":\(JSONText.quoted(self.accessToken)),\"token_type\":\"Bearer\""
        switch self.notice {
        case .number: text += ",\"expires_in\":\(self.expiresIn)"
        case .text: text += ",\"expires_in\":\"\(self.expiresIn)\""
        case .absent: break
        case .zero: text += ",\"expires_in\":0"
        }
        if let refreshToken = self.refreshToken { text += ",\"refresh_token\":\(JSONText.quoted(refreshToken))" }
        if let scope = self.scope { text += ",\"scope\":\(JSONText.quoted(scope))" }
        return text + "}"
    }
}

/// Text as a JSON string.
enum JSONText {
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

/// A grant as its owner receives it.
package struct IssuedGrant: Hashable, Sendable {
    /// `CLIENT/SUBJECT`.
    package let account: String
    package let accessToken: String
    package let tokenType: String
    /// As the terms tell it: nil when absent, 0 when zero.
    package let expiresIn: Int?
    package let refreshToken: String
    package let scope: String?
    /// Unix seconds.
    package let issuedAt: Int
    /// A token endpoint's answer, as it would have been received.
    package let tokenJSON: String

    /// The line that `refreshctl import` takes, without a newline.
    package var importLine: String {
        "{\"account\":\(JSONText.quoted(self.account)),\"token\":\(self.tokenJSON),\"issued_at\":\(self.issuedAt)}"
    }
}
