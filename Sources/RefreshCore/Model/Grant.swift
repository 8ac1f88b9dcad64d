/// The long-lived secret behind an account's tokens, and what it is bound to.
///
/// It is in memory only inside one attempt: opened before the request is made, gone after the commit.
package struct Grant: Hashable, Sendable {
    /// Nil for a token that came without one: it is served until it expires, and never refreshed.
    package var refreshToken: Secret?
    /// What some providers want to see again with each refresh, by parameter name (`redirect_uri`, `device_id`).
    package var bindings: [String: String]

    package init(refreshToken: Secret?, bindings: [String: String] = [:]) {
        self.refreshToken = refreshToken
        self.bindings = bindings
    }
}

extension Grant {
    /// The bytes that are sealed into the store: a version, then length-prefixed texts.
    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = [1, self.refreshToken == nil ? 0 : 1]
        func append(_ text: [UInt8]) {
            for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: text.count >> shift)) }
            bytes.append(contentsOf: text)
        }
        if let refreshToken { append(refreshToken.revealBytes()) }
        for (name, value) in self.bindings.sorted(by: { $0.key < $1.key }) {
            append(Array(name.utf8))
            append(Array(value.utf8))
        }
        return bytes
    }

    /// Reads what `encoded()` wrote.
    ///
    /// - Returns: Nil when the bytes are no grant of a version known here.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.count >= 2, bytes[0] == 1, bytes[1] <= 1 else { return nil }
        var texts: [ArraySlice<UInt8>] = []
        var rest = bytes[2...]
        while !rest.isEmpty {
            guard rest.count >= 4 else { return nil }
            let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard rest.count >= length else { return nil }
            texts.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        var refreshToken: Secret?
        if bytes[1] == 1 {
            guard let first = texts.first else { return nil }
            refreshToken = Secret(first)
            texts.removeFirst()
        }
        guard texts.count.isMultiple(of: 2) else { return nil }
        var bindings: [String: String] = [:]
        for index in stride(from: 0, to: texts.count, by: 2) {
            bindings[String(decoding: texts[index], as: UTF8.self)] = String(decoding: texts[index + 1], as: UTF8.self)
        }
        self.init(refreshToken: refreshToken, bindings: bindings)
    }
}
