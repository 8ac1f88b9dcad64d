/// What one host has a client carry back to it: names and values, and nothing else (RFC 6265).
///
/// Kept for one path of one host, so where a cookie may go is not asked: `Domain`, `Path` and `Secure` are passed over.
/// So is an end that lies ahead: a cookie that has ended is one more stranger's to the host, which gives another.
package struct CookieJar: Hashable, Sendable {
    private struct Cookie: Hashable, Sendable {
        var name: String
        var value: Secret
    }

    /// Cookies in one jar; of more, those that came last are not taken.
    package static let capacity = 16
    /// Bytes of one cookie, name and value together (RFC 6265 §6.1).
    package static let largestCookie = 4_096

    private var cookies: [Cookie] = []

    package init() {}

    package var isEmpty: Bool { self.cookies.isEmpty }

    /// Takes one `Set-Cookie` header.
    ///
    /// What is no cookie, or is too large, is passed over; one without life takes its predecessor away.
    package mutating func take(_ header: String) {
        let parts = header.split(separator: ";", omittingEmptySubsequences: false)
        guard let pair = parts.first, let equals = pair.firstIndex(of: "=") else { return }
        let name = Self.trimmed(pair[..<equals])
        let value = Self.trimmed(pair[pair.index(after: equals)...])
        guard Self.isName(name), Self.isValue(value), name.utf8.count + value.utf8.count <= Self.largestCookie else {
            return
        }
        let index = self.cookies.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
        guard !value.isEmpty, !parts.dropFirst().contains(where: Self.ends) else {
            if let index { self.cookies.remove(at: index) }
            return
        }
        let cookie = Cookie(name: String(name), value: Secret(value.utf8))
        if let index {
            self.cookies[index] = cookie
        } else if self.cookies.count < Self.capacity {
            self.cookies.append(cookie)
        }
    }

    /// The value of a `Cookie` header; nil for an empty jar.
    package var header: Secret? { self.isEmpty ? nil : self.joined(by: "; ") }

    // MARK: As it is sealed

    /// One line for each cookie: no name and no value holds a line end.
    package var encoded: Secret { self.joined(by: "\n") }

    /// Reads what `encoded` has written; what is none of it is left out.
    package init(encoded: Secret) {
        for line in encoded.reveal().split(separator: "\n") { self.take(String(line)) }
    }

    private func joined(by separator: String) -> Secret {
        var bytes: [UInt8] = []
        for cookie in self.cookies {
            if !bytes.isEmpty { bytes += Array(separator.utf8) }
            bytes += Array(cookie.name.utf8) + [UInt8(ascii: "=")] + cookie.value.revealBytes()
        }
        return Secret(bytes)
    }

    // MARK: Grammar

    /// Whether an attribute ends the cookie: `Max-Age` of nothing, or a date of the last century, as hosts write it.
    private static func ends(_ attribute: Substring) -> Bool {
        let words = attribute.split(separator: "=", maxSplits: 1).map { self.trimmed($0).lowercased() }
        guard words.count == 2 else { return false }
        return switch words[0] {
        case "max-age": Int(words[1]).map { $0 <= 0 } ?? false
        case "expires": words[1].contains("1970")
        default: false
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }

    /// A token (RFC 9110 §5.6.2).
    private static func isName(_ text: Substring) -> Bool {
        let others = "!#$%&'*+-.^_`|~".utf8
        return !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || others.contains(byte)
            }
    }

    /// Visible ASCII without what would end it; quotes belong to the value, for hosts get them back as they were.
    private static func isValue(_ text: Substring) -> Bool {
        text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "\\") }
    }
}
