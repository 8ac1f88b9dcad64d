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
    /// Another account of the same fingerprint, in the same place of the table.
    let next: RenderedToken?
    private let places: Places

    /// What may be told anew later, by its place in the reply.
    ///
    /// Half the width of `Int`: there is one of these for every account, and no reply has 4 GiB.
    private struct Places {
        /// Where the digits of `expires_at` begin, and how many there are; 0 for a token that does not expire.
        var expiry: UInt32 = 0
        var digits: UInt8 = 0
        /// Where the token's object ends and a warning may begin.
        var tokenEnd: UInt32 = 0

        var expiryRange: Range<Int> { Int(self.expiry)..<(Int(self.expiry) + Int(self.digits)) }
    }

    private init(
        account: AccountID,
        generation: Generation,
        expiresAt: Timestamp?,
        reply: [UInt8],
        places: Places,
        next: RenderedToken?
    ) {
        self.account = account
        self.generation = generation
        self.expiresAt = expiresAt
        self.reply = reply
        self.places = places
        self.next = next
    }

    /// Renders a token.
    ///
    /// `utcShift` is added to the expiry to tell it in UTC. `warning` is what the reader should know, in our own words.
    package convenience init(account: AccountID, token: Token, utcShift: Duration, warning: String?) {
        // The short part first: with its length known, the long one is written once, into memory of its size.
        var rest = JSONBytes()
        rest.raw(#","token_type":"#)
        rest.string(token.facts.tokenType.utf8.span)
        var places = Places()
        if let expiresAt = token.facts.expiresAt {
            rest.raw(#","expires_at":"#)
            places.expiry = UInt32(rest.bytes.count)
            rest.raw("\((expiresAt + utcShift).seconds)")
            places.digits = UInt8(rest.bytes.count - Int(places.expiry))
        }
        rest.raw(#","scope":["#)
        for (index, scope) in token.facts.scope.enumerated() {
            if index > 0 { rest.raw(",") }
            rest.string(scope.utf8.span)
        }
        rest.raw(#"],"generation":\#(token.generation.number)}"#)
        places.tokenEnd = UInt32(rest.bytes.count)
        rest.end(warning: warning)

        let start = #"{"parameters":{"token":{"access_token":"#
        let accessToken = token.accessToken.revealBytes()
        let length = start.utf8.count + JSONBytes.length(of: accessToken.span)
        var json = JSONBytes(capacity: length + rest.bytes.count)
        json.raw(start)
        json.string(accessToken.span)
        json.append(rest.bytes[...])
        places.expiry += UInt32(length)
        places.tokenEnd += UInt32(length)
        self.init(
            account: account,
            generation: token.generation,
            expiresAt: token.facts.expiresAt,
            reply: json.bytes,
            places: places,
            next: nil
        )
    }

    /// Whether the token lives for longer than `minimum` from `now` on.
    package func lives(_ minimum: Duration, from now: Timestamp) -> Bool {
        self.expiresAt.map { $0 - now > minimum } ?? true
    }

    /// The same token with another warning.
    func warning(_ warning: String?) -> RenderedToken {
        var ending = JSONBytes()
        ending.end(warning: warning)
        let tokenEnd = Int(self.places.tokenEnd)
        var json = JSONBytes(capacity: tokenEnd + ending.bytes.count)
        json.append(self.reply[..<tokenEnd])
        json.append(ending.bytes[...])
        return self.with(reply: json.bytes)
    }

    /// The same token with its expiry told anew, after the wall clock was set.
    func retold(utcShift: Duration) -> RenderedToken {
        self.expiresAt.map { self.expiring(at: $0, utcShift: utcShift) } ?? self
    }

    /// The same token with another end; one that does not expire stays as it is.
    func expiring(at expiresAt: Timestamp, utcShift: Duration) -> RenderedToken {
        guard self.expiresAt != nil else { return self }
        let digits = Array("\((expiresAt + utcShift).seconds)".utf8)
        var reply = self.reply
        reply.replaceSubrange(self.places.expiryRange, with: digits)
        var places = self.places
        places.tokenEnd = places.tokenEnd - UInt32(places.digits) + UInt32(digits.count)
        places.digits = UInt8(digits.count)
        return self.with(reply: reply, places: places, expiresAt: expiresAt)
    }

    /// The same token in front of another account of the same fingerprint.
    func linked(to next: RenderedToken?) -> RenderedToken {
        next == nil && self.next == nil ? self : self.with(reply: self.reply, next: next)
    }

    private func with(
        reply: [UInt8],
        places: Places? = nil,
        expiresAt: Timestamp? = nil,
        next: RenderedToken? = nil
    ) -> RenderedToken {
        RenderedToken(
            account: self.account,
            generation: self.generation,
            expiresAt: expiresAt ?? self.expiresAt,
            reply: reply,
            places: places ?? self.places,
            next: next
        )
    }
}

/// Writes JSON text; strings are escaped as RFC 8259 §7 demands, and nothing more.
private struct JSONBytes {
    private(set) var bytes: [UInt8] = []

    /// - Parameter capacity: How long the text will be: left to grow, an array has room for up to twice as much.
    init(capacity: Int = 256) { self.bytes.reserveCapacity(capacity) }

    mutating func raw(_ text: String) { self.bytes.append(contentsOf: text.utf8) }

    mutating func append(_ text: ArraySlice<UInt8>) { self.bytes.append(contentsOf: text) }

    mutating func string(_ text: Span<UInt8>) {
        self.bytes.append(UInt8(ascii: "\""))
        if Self.isPlain(text) {
            // The buffer is the span's, for the length of the call.
            unsafe text.withUnsafeBufferPointer { unsafe self.bytes.append(contentsOf: $0) }
        } else {
            for index in text.indices { self.escaped(text[index]) }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }

    /// What closes a reply: the warning, if there is one, and the NUL.
    mutating func end(warning: String?) {
        if let warning {
            self.raw(#","warning":"#)
            self.string(warning.utf8.span)
        }
        self.raw("}}\0")
    }

    /// How long a string is with its quotes and escapes.
    static func length(of text: Span<UInt8>) -> Int {
        guard !self.isPlain(text) else { return text.count + 2 }
        var escapes = 0
        for index in text.indices { escapes += self.escapeLength(text[index]) }
        return text.count + escapes + 2
    }

    /// Whether nothing in a string needs an escape.
    ///
    /// Eight bytes at a time: byte by byte this was a fifth of what it takes to load an account, and the library's
    /// vectors, which are not specialized in an optimized build either, are fifty times slower still.
    private static func isPlain(_ text: Span<UInt8>) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let width = MemoryLayout<UInt64>.size
        var start = 0
        let isPlainSoFar = unsafe text.withUnsafeBytes { bytes in
            while start + width <= bytes.count {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)
                let quote = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
                let backslash = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
                // The high bit of some byte stays set if one is below 0x20, or 0 in what was made 0 by its own kind.
                let found =
                    ((word &- ones &* 0x20) & ~word) | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
                guard found & (ones &* 0x80) == 0 else { return false }
                start += width
            }
            return true
        }
        guard isPlainSoFar else { return false }
        for index in start..<text.count where self.escapeLength(text[index]) > 0 { return false }
        return true
    }

    /// By how many bytes a byte becomes longer.
    private static func escapeLength(_ byte: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): 1
        case 0..<0x20: 5
        default: 0
        }
    }

    private mutating func escaped(_ byte: UInt8) {
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
}
