/// The checked address of a provider or a sink.
///
/// There is one strict parser for all addresses that a configuration may name, because two parsers that disagree about
/// the host are how a request ends up somewhere else (facts T9, T11). What is unusual is refused, not repaired: a
/// user part, a fragment, dot segments, numbers as hosts in any but the dotted form, anything outside ASCII.
///
/// The syntax is that of RFC 3986 with the limits named at `EndpointURLError`.
package struct EndpointURL: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: String, Hashable, Sendable {
        case http
        case https

        package var defaultPort: Int {
            switch self {
            case .http: 80
            case .https: 443
            }
        }
    }

    package let scheme: Scheme
    /// In lower case; an IPv6 address without its brackets.
    package let host: String
    /// 1 to 65535; the scheme's own if none was written.
    package let port: Int
    /// Percent-encoded as written; begins with a slash.
    package let path: String
    /// Percent-encoded as written, without the question mark; nil if there is none.
    package let query: String?

    /// Parses and checks an address.
    ///
    /// - Parameters:
    ///   - text: The whole address.
    ///   - insecureLoopback: Whether plain `http` is accepted, to 127.0.0.1 and ::1 only. Names are not: what
    ///     `localhost` resolves to is somebody else's decision.
    /// - Throws: `EndpointURLError` with the first thing that is wrong.
    package init(_ text: String, insecureLoopback: Bool) throws(EndpointURLError) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.longest else { throw .tooLong }
        guard bytes.allSatisfy(Self.isPermitted) else { throw .character }
        guard !bytes.contains(UInt8(ascii: "#")) else { throw .fragment }

        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8),
            let scheme = Scheme(rawValue: String(decoding: bytes[..<colon], as: UTF8.self).lowercased())
        else { throw .scheme }

        let rest = bytes[(colon + 3)...]
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        guard !authority.contains(UInt8(ascii: "@")) else { throw .userPart }
        let (host, port) = try Self.split(authority)

        let target = rest[authority.endIndex...]
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        guard Self.escapesAreWhole(target) else { throw .escape }
        guard !Self.hasDotSegment(path) else { throw .dotSegment }

        if scheme == .http {
            guard insecureLoopback, Self.isLoopback(host) else { throw .insecure }
        }
        self.scheme = scheme
        self.host = host
        self.port = port ?? scheme.defaultPort
        self.path = path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
        self.query =
            path.endIndex < target.endIndex
            ? String(decoding: target[(path.endIndex + 1)...], as: UTF8.self) : nil
    }

    /// Host and, if it is not the scheme's own, port, as they stand in an address and in a `Host` header.
    package var authority: String {
        let host = self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]" : self.host
        return self.port == self.scheme.defaultPort ? host : "\(host):\(self.port)"
    }

    /// The whole address, fit to be sent to.
    package var text: String { self.description + (self.query.map { "?\($0)" } ?? "") }

    /// The address without its query, fit for a log.
    package var description: String { "\(self.scheme.rawValue)://\(self.authority)\(self.path)" }
}

/// Why an address is not accepted, one case for each remedy.
package enum EndpointURLError: Error, Hashable, Sendable {
    /// Longer than 2,048 bytes.
    case tooLong
    /// Blanks, control characters, non-ASCII, or one of `"<>\^` and backquote, `{|}`.
    case character
    /// Neither `https://` nor `http://`.
    case scheme
    case userPart
    case fragment
    /// Empty, no DNS name of letters, digits and hyphens, no dotted IPv4 and no bracketed IPv6 address; or ends with a dot.
    case host
    /// Not a number in 1 to 65535.
    case port
    /// A percent sign without two hexadecimal digits.
    case escape
    /// `.` or `..`, also escaped: proxies and servers disagree about them.
    case dotSegment
    /// Plain `http` where it is not permitted.
    case insecure

    /// One clause for people; holds nothing of the address.
    package var sentence: String {
        switch self {
        case .tooLong: "the address is longer than 2048 bytes"
        case .character: "the address holds a character that must be percent-encoded"
        case .scheme: "the address must begin with https://"
        case .userPart: "the address must not hold a user name or a password"
        case .fragment: "the address must not have a fragment"
        case .host: "the host is neither a name nor an IP address"
        case .port: "the port is not a number from 1 to 65535"
        case .escape: "a percent sign is not followed by two hexadecimal digits"
        case .dotSegment: "the path must not hold . or .. segments"
        case .insecure: "plain http is for 127.0.0.1 and [::1] only, with insecure_loopback = true"
        }
    }
}

extension EndpointURL {
    private static let longest = 2_048

    private static func isPermitted(_ byte: UInt8) -> Bool {
        guard byte > 0x20, byte < 0x7f else { return false }
        return !#""<>\^`{|}"#.utf8.contains(byte)
    }

    /// Takes `host`, `host:port`, `[v6]` or `[v6]:port` apart; the host comes out in lower case.
    private static func split(_ authority: ArraySlice<UInt8>) throws(EndpointURLError) -> (host: String, port: Int?) {
        let host: ArraySlice<UInt8>
        var rest: ArraySlice<UInt8>
        if authority.first == UInt8(ascii: "[") {
            guard let close = authority.firstIndex(of: UInt8(ascii: "]")) else { throw .host }
            host = authority[authority.index(after: authority.startIndex)..<close]
            rest = authority[(close + 1)...]
            guard isIPv6(host) else { throw .host }
        } else {
            host = authority.prefix { $0 != UInt8(ascii: ":") }
            rest = authority[host.endIndex...]
            guard isIPv4(host) || isName(host) else { throw .host }
        }
        let text = String(decoding: host, as: UTF8.self).lowercased()
        guard let colon = rest.popFirst() else { return (text, nil) }
        guard colon == UInt8(ascii: ":") else { throw .host }
        guard let port = decimal(rest, upTo: 65_535), port > 0 else { throw .port }
        return (text, port)
    }

    /// A DNS name whose last label is no number: `127.1` and `0x7f000001` are addresses to some resolvers (facts T11).
    private static func isName(_ host: ArraySlice<UInt8>) -> Bool {
        let labels = host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard host.count <= 253, let last = labels.last else { return false }
        guard !last.allSatisfy(isDigit), !last.starts(with: "0x".utf8), !last.starts(with: "0X".utf8) else {
            return false
        }
        return labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isIPv4(_ host: ArraySlice<UInt8>) -> Bool {
        let parts = host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { decimal($0, upTo: 255) != nil }
    }

    /// RFC 4291 section 2.2, without a zone.
    private static func isIPv6(_ host: ArraySlice<UInt8>) -> Bool { groups(ofIPv6: host) != nil }

    /// The eight groups of an IPv6 address, of which an IPv4 tail counts as two; nil if it is none.
    private static func groups(ofIPv6 host: ArraySlice<UInt8>) -> [Int]? {
        let colon = UInt8(ascii: ":")
        // A zone or a stray byte would fail below anyway; a colon at only one end would not.
        let parts = host.split(separator: colon, omittingEmptySubsequences: false)
        guard parts.count >= 3, parts.count <= 9 else { return nil }
        var groups: [Int] = []
        var gap: Int?
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                // The two empty parts of a leading or trailing `::` are one gap.
                let isEdge = index == 0 || index == parts.count - 1
                if isEdge {
                    let neighbour = index == 0 ? parts[1] : parts[index - 1]
                    guard neighbour.isEmpty else { return nil }
                } else {
                    guard gap == nil else { return nil }
                    gap = groups.count
                }
            } else if index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard isIPv4(part) else { return nil }
                groups += [0xffff, 0xffff]  // only counted; such an address is no loopback to us
            } else {
                guard part.count <= 4, let value = hexadecimal(part) else { return nil }
                groups.append(value)
            }
        }
        guard let gap else { return groups.count == 8 ? groups : nil }
        guard groups.count <= 7 else { return nil }
        groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        return groups
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "127.0.0.1" || groups(ofIPv6: Array(host.utf8)[...]) == [0, 0, 0, 0, 0, 0, 0, 1]
    }

    private static func escapesAreWhole(_ text: ArraySlice<UInt8>) -> Bool {
        text.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false).dropFirst()
            .allSatisfy { $0.count >= 2 && hexadecimal($0.prefix(2)) != nil }
    }

    private static func hasDotSegment(_ path: ArraySlice<UInt8>) -> Bool {
        path.split(separator: UInt8(ascii: "/")).contains { segment in
            let plain = String(decoding: segment, as: UTF8.self).lowercased().split(
                separator: "%2e",
                omittingEmptySubsequences: false
            )
            .joined(separator: ".")
            return plain == "." || plain == ".."
        }
    }

    /// Digits without a sign or a leading zero.
    private static func decimal(_ digits: ArraySlice<UInt8>, upTo limit: Int) -> Int? {
        guard (1...5).contains(digits.count), digits.allSatisfy(isDigit) else { return nil }
        guard digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return value <= limit ? value : nil
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.allSatisfy({ isDigit($0) || (0x61...0x66).contains($0 | 0x20) }) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
}
