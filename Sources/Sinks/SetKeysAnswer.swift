import RefreshCore

/// What came back from a `set_keys` call, and what it means.
///
/// How the service answers is written down nowhere (facts, providers 2.4), so little is assumed: a success is a 2xx
/// that looks neither like an error, nor like a page for people, nor like a mere greeting to a new visitor.
struct SetKeysAnswer {
    var status: Int
    /// Names in lower case.
    var headers: [(name: String, value: String)]
    var body: [UInt8]

    /// - Parameter now: UTC, for a `Retry-After` that names a date.
    /// - Throws: `SinkError` unless the change was accepted. Its messages hold no byte of the answer.
    func check(now: Timestamp) throws(SinkError) {
        switch self.status {
        case 200..<300:
            try self.checkBody()
        case 300..<400:
            // Not followed: the address holds the token, and so would the one it is redirected to (facts T12, G05).
            throw .refused(message: "answered with a redirect, status \(self.status)")
        case 408:
            throw self.unavailable(.timeout, now: now)
        case 429:
            throw self.unavailable(.rateLimited, now: now)
        case 425, 500...599:
            throw self.unavailable(.serverError, now: now)
        case 400..<500:
            throw .refused(message: "answered with status \(self.status)")
        default:
            throw .unavailable(.malformedAnswer, message: "answered with status \(self.status)", retryAfter: nil)
        }
    }

    private func unavailable(_ cause: Cause, now: Timestamp) -> SinkError {
        let waits = self.headers.filter { $0.name == "retry-after" }.map(\.value)
        return .unavailable(
            cause,
            message: "answered with status \(self.status)",
            retryAfter: RetryAfter.wait(waits, now: now)
        )
    }

    private func checkBody() throws(SinkError) {
        if self.holdsErrorObject { throw .refused(message: "answered with an error object") }
        let problem: String? =
            if self.isEncoded {
                "the answer is encoded in a way that was not asked for"
            } else if self.isPage {
                "answered with a page for people"
            } else if self.isGreeting {
                "answered with a cookie and nothing else"
            } else {
                nil
            }
        if let problem { throw .unavailable(.malformedAnswer, message: problem, retryAfter: nil) }
    }

    private func values(of name: String) -> [String] {
        self.headers.filter { $0.name == name }.map { $0.value.lowercased() }
    }

    private var isEncoded: Bool { !self.values(of: "content-encoding").allSatisfy { $0 == "identity" } }

    private var isPage: Bool {
        let isHTML = self.values(of: "content-type").contains { $0.contains("html") }
        return isHTML || self.text.first == UInt8(ascii: "<")
    }

    /// Every visitor is given a cookie, so a cookie alone proves nothing.
    private var isGreeting: Bool { self.text.isEmpty && !self.values(of: "set-cookie").isEmpty }

    /// The body without a byte order mark and leading blanks.
    private var text: ArraySlice<UInt8> {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = self.body.starts(with: mark) ? self.body.dropFirst(mark.count) : self.body[...]
        return text.drop { Self.isBlank($0) }
    }

    /// Whether a JSON member `"obj_type": "error"` stands anywhere in the body, at whatever depth.
    private var holdsErrorObject: Bool {
        var rest = self.text
        while let key = Self.string(in: &rest) {
            guard key.elementsEqual("obj_type".utf8) else { continue }
            var value = rest.drop { Self.isBlank($0) }
            guard value.popFirst() == UInt8(ascii: ":") else { continue }
            value = value.drop { Self.isBlank($0) }
            guard value.first == UInt8(ascii: "\"") else { continue }
            if Self.string(in: &value)?.elementsEqual("error".utf8) == true { return true }
        }
        return false
    }

    /// The next JSON string, without its quotes and with its escapes as they stand; `rest` begins after it.
    private static func string(in rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let open = rest.firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        var index = open + 1
        while index < rest.endIndex {
            switch rest[index] {
            case UInt8(ascii: "\\"):
                index += 2
            case UInt8(ascii: "\""):
                defer { rest = rest[(index + 1)...] }
                return rest[(open + 1)..<index]
            default:
                index += 1
            }
        }
        return nil
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
