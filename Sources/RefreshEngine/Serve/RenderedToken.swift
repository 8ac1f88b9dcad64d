package import RefreshCore

/// The reply to `GetToken`, made once when the token was published.
///
/// Rendering here moves JSON escaping from every read to once an hour. Immutable, so the hot path copies a reference.
package final class RenderedToken: Sendable {
    package let account: AccountID
    package let generation: Generation
    /// On the daemon's time line; nil for a token that does not expire.
    package let expiresAt: Timestamp?
    /// A whole varlink reply, the closing NUL included.
    ///
    /// It holds the access token.
    package let reply: [UInt8]
    /// Where in the reply the digits of `expires_at` are.
    private let expiry: Range<Int>
    /// Where the token's object ends and a warning may begin.
    private let tokenEnd: Int
    /// Another account of the same fingerprint, in the same place of the table.
    let next: RenderedToken?

    private init(
        account: AccountID,
        generation: Generation,
        expiresAt: Timestamp?,
        reply: [UInt8],
        expiry: Range<Int>,
        tokenEnd: Int,
        next: RenderedToken?
    ) {
        self.account = account
        self.generation = generation
        self.expiresAt = expiresAt
        self.reply = reply
        self.expiry = expiry
        self.tokenEnd = tokenEnd
        self.next = next
    }

    /// Renders a token.
    ///
    /// `utcShift` is added to the expiry to tell it in UTC. `warning` is what the reader should know, in our own words.
    package convenience init(account: AccountID, token: Token, utcShift: Duration, warning: String?) {
        var json = JSONBytes()
        json.raw(#"{"parameters":{"token":{"access_token":"#)
        json.string(token.accessToken.revealBytes())
        json.raw(#","token_type":"#)
        json.string(Array(token.facts.tokenType.utf8))
        var expiry = 0..<0
        if let expiresAt = token.facts.expiresAt {
            json.raw(#","expires_at":"#)
            let start = json.bytes.count
            json.raw("\((expiresAt + utcShift).seconds)")
            expiry = start..<json.bytes.count
        }
        json.raw(#","scope":["#)
        for (index, scope) in token.facts.scope.enumerated() {
            if index > 0 { json.raw(",") }
            json.string(Array(scope.utf8))
        }
        json.raw(#"],"generation":\#(token.generation.number)}"#)
        let tokenEnd = json.bytes.count
        self.init(
            account: account,
            generation: token.generation,
            expiresAt: token.facts.expiresAt,
            reply: Self.joined(json.bytes[...], Self.ending(warning: warning)),
            expiry: expiry,
            tokenEnd: tokenEnd,
            next: nil
        )
    }

    /// Whether the token lives for longer than `minimum` from `now` on.
    package func lives(_ minimum: Duration, from now: Timestamp) -> Bool {
        self.expiresAt.map { $0 - now > minimum } ?? true
    }

    /// The same token with another warning.
    func warning(_ warning: String?) -> RenderedToken {
        self.with(reply: Self.joined(self.reply[..<self.tokenEnd], Self.ending(warning: warning)))
    }

    /// The same token with its expiry told anew, after the wall clock was set.
    func retold(utcShift: Duration) -> RenderedToken {
        guard let expiresAt else { return self }
        let digits = Array("\((expiresAt + utcShift).seconds)".utf8)
        var reply = self.reply
        reply.replaceSubrange(self.expiry, with: digits)
        let expiry = self.expiry.lowerBound..<(self.expiry.lowerBound + digits.count)
        return self.with(reply: reply, expiry: expiry, tokenEnd: self.tokenEnd + digits.count - self.expiry.count)
    }

    /// The same token in front of another account of the same fingerprint.
    func linked(to next: RenderedToken?) -> RenderedToken {
        next == nil && self.next == nil ? self : self.with(reply: self.reply, next: next)
    }

    private func with(
        reply: [UInt8],
        expiry: Range<Int>? = nil,
        tokenEnd: Int? = nil,
        next: RenderedToken? = nil
    ) -> RenderedToken {
        RenderedToken(
            account: self.account,
            generation: self.generation,
            expiresAt: self.expiresAt,
            reply: reply,
            expiry: expiry ?? self.expiry,
            tokenEnd: tokenEnd ?? self.tokenEnd,
            next: next
        )
    }

    /// Both in memory of their size and no more: `+` leaves room for as much again, in every account's reply.
    private static func joined(_ start: ArraySlice<UInt8>, _ end: [UInt8]) -> [UInt8] {
        var reply: [UInt8] = []
        reply.reserveCapacity(start.count + end.count)
        reply.append(contentsOf: start)
        reply.append(contentsOf: end)
        return reply
    }

    private static func ending(warning: String?) -> [UInt8] {
        var json = JSONBytes()
        if let warning {
            json.raw(#","warning":"#)
            json.string(Array(warning.utf8))
        }
        json.raw("}}\0")
        return json.bytes
    }
}

/// Writes JSON text; strings are escaped as RFC 8259 §7 demands, and nothing more.
private struct JSONBytes {
    private(set) var bytes: [UInt8] = []

    mutating func raw(_ text: String) { self.bytes.append(contentsOf: text.utf8) }

    mutating func string(_ text: [UInt8]) {
        self.bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                self.bytes.append(UInt8(ascii: "\\"))
                self.bytes.append(byte)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                self.raw("\\u00")
                self.bytes.append(digits[Int(byte >> 4)])
                self.bytes.append(digits[Int(byte & 0xF)])
            default:
                self.bytes.append(byte)
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }
}
