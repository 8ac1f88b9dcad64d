/// Something that goes wrong on purpose, for one request or several.
///
/// Its JSON form is what `POST /practice/faults` takes: `{"kind":"status","status":503,"times":3}`.
package struct Fault: Hashable, Sendable {
    enum Kind: String, Codable, Hashable, Sendable {
        /// Answers `status`, `headers` and `body`; with `commit`, after the real work was done.
        case status
        /// Cuts the connection when the head of the request is read.
        case dropBeforeBody = "drop_before_body"
        /// Cuts it when the request is read whole, before anything is done.
        case dropBeforeCommit = "drop_before_commit"
        /// Does the work and cuts the connection before the first byte of the answer.
        case dropAfterCommit = "drop_after_commit"
        /// The real answer with its full Content-Length, cut after `bytes` of the body.
        case truncate
        /// The real answer, one byte at a time with `pause` between.
        case slow
        /// A body of `bytes`, streamed.
        case oversize
        /// Does the work, then waits for `release`.
        case held
        /// Waits for `release`, then does the work.
        case heldBeforeCommit = "held_before_commit"
        /// Nothing: a good answer between two bad ones.
        case none
    }

    /// For `times`: until the faults are cleared.
    package static let forever = 0

    var kind: Kind
    var status = 200
    var headers: [String: String] = [:]
    var body: String?
    var contentType = "application/json"
    var bytes = 0
    /// Whether `status` and `oversize` do the real work before they answer something else.
    var commits = false
    var pause: Duration = .zero
    var delay: Duration = .zero
    var answerDelay: Duration = .zero
    var times = 1

    init(_ kind: Kind) {
        self.kind = kind
    }
}

extension Fault {
    /// Answers with this status and nothing else.
    package static func status(
        _ status: Int,
        body: String? = nil,
        headers: [String: String] = [:],
        contentType: String = "application/json"
    ) -> Fault {
        var fault = Fault(.status)
        fault.status = status
        fault.headers = headers
        fault.body = body
        fault.contentType = contentType
        return fault
    }

    /// Refuses with a `Retry-After` in seconds (RFC 9110 §10.2.3).
    package static func retryAfter(_ seconds: Int, status: Int = 429) -> Fault {
        .status(status, headers: ["Retry-After": "\(seconds)"])
    }

    /// An error answer of RFC 6749 §5.2.
    package static func oauthError(_ error: String, status: Int = 400) -> Fault {
        .status(status, body: "{\"error\":\(JSONText.quoted(error))}")
    }

    /// A page for people, as proxies and captive portals send it.
    package static func html(_ status: Int = 200) -> Fault {
        .status(
            status,
            body: "<!doctype html><title>Practice</title><p>Not what you asked for.",
            contentType: "text/html"
        )
    }

    package static func redirect(to location: String, status: Int = 307) -> Fault {
        .status(status, headers: ["Location": location])
    }

    /// 200 with this text as the body, whatever it is.
    package static func json(_ raw: String) -> Fault { .status(200, body: raw) }

    package static var dropBeforeBody: Fault { Fault(.dropBeforeBody) }
    package static var dropBeforeCommit: Fault { Fault(.dropBeforeCommit) }
    package static var dropAfterCommit: Fault { Fault(.dropAfterCommit) }
    package static var held: Fault { Fault(.held) }
    package static var heldBeforeCommit: Fault { Fault(.heldBeforeCommit) }
    package static var none: Fault { Fault(.none) }

    /// The real answer, cut after `bytes` of its body; at least its last byte is always missing.
    package static func truncate(after bytes: Int) -> Fault {
        var fault = Fault(.truncate)
        fault.bytes = bytes
        return fault
    }

    package static func slow(pause: Duration) -> Fault {
        var fault = Fault(.slow)
        fault.pause = pause
        return fault
    }

    /// 200 and a body of so many bytes, JSON as far as it goes.
    package static func oversize(bytes: Int) -> Fault {
        var fault = Fault(.oversize)
        fault.bytes = bytes
        return fault
    }

    /// Does the real work first, then answers what the fault says.
    ///
    /// For `status` and `oversize`.
    package func committed() -> Fault {
        var fault = self
        fault.commits = true
        return fault
    }

    /// Waits before the work.
    package func delayed(by delay: Duration) -> Fault {
        var fault = self
        fault.delay = delay
        return fault
    }

    /// Waits after the work, before the answer.
    package func answerDelayed(by delay: Duration) -> Fault {
        var fault = self
        fault.answerDelay = delay
        return fault
    }

    /// For so many requests; `Fault.forever` until the faults are cleared.
    package func times(_ count: Int) -> Fault {
        var fault = self
        fault.times = count
        return fault
    }
}

extension Fault: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind, status, headers, body, bytes, commit, pause, delay, times
        case contentType = "content_type"
        case answerDelay = "answer_delay"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(try values.decode(Kind.self, forKey: .kind))
        self.status = try values.decodeIfPresent(Int.self, forKey: .status) ?? self.status
        self.headers = try values.decodeIfPresent([String: String].self, forKey: .headers) ?? [:]
        self.body = try values.decodeIfPresent(String.self, forKey: .body)
        self.contentType = try values.decodeIfPresent(String.self, forKey: .contentType) ?? self.contentType
        self.bytes = try values.decodeIfPresent(Int.self, forKey: .bytes) ?? 0
        self.commits = try values.decodeIfPresent(Bool.self, forKey: .commit) ?? false
        self.pause = .seconds(try values.decodeIfPresent(Double.self, forKey: .pause) ?? 0)
        self.delay = .seconds(try values.decodeIfPresent(Double.self, forKey: .delay) ?? 0)
        self.answerDelay = .seconds(try values.decodeIfPresent(Double.self, forKey: .answerDelay) ?? 0)
        self.times = try values.decodeIfPresent(Int.self, forKey: .times) ?? 1
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(self.kind, forKey: .kind)
        try values.encode(self.status, forKey: .status)
        try values.encode(self.headers, forKey: .headers)
        try values.encodeIfPresent(self.body, forKey: .body)
        try values.encode(self.contentType, forKey: .contentType)
        try values.encode(self.bytes, forKey: .bytes)
        try values.encode(self.commits, forKey: .commit)
        try values.encode(self.pause / .seconds(1), forKey: .pause)
        try values.encode(self.delay / .seconds(1), forKey: .delay)
        try values.encode(self.answerDelay / .seconds(1), forKey: .answerDelay)
        try values.encode(self.times, forKey: .times)
    }
}
