package import RefreshCore
import Synchronization

/// A token endpoint that plays a script and remembers what it was sent.
///
/// It keeps the port's promise: `mayRelease` is asked once, after which everything may have been acted on.
package final class ScriptedEndpoint: TokenEndpoint {
    /// How one request ends.
    package enum Reply: Sendable {
        case answer(status: Int, headers: [(name: String, value: String)], body: String)
        /// It never leaves; `mayRelease` is not asked.
        case notSent(EndpointError.Reason)
        /// It leaves, and nothing comes back.
        case silence(EndpointError.Reason)

        package static func json(_ body: String, status: Int = 200) -> Reply {
            .answer(status: status, headers: [(name: "content-type", value: "application/json")], body: body)
        }

        /// An error of RFC 6749 §5.2.
        package static func error(_ code: String, status: Int = 400, retryAfter: Int? = nil) -> Reply {
            let wait = retryAfter.map { [(name: "retry-after", value: "\($0)")] } ?? []
            return .answer(
                status: status,
                headers: [(name: "content-type", value: "application/json")] + wait,
                body: #"{"error":"\#(code)"}"#
            )
        }

        /// A good answer; `expiresIn` in seconds, nil leaves the member out.
        package static func token(_ accessToken: String, refreshToken: String? = nil, expiresIn: Int? = 3_600) -> Reply
        {
            var members = [#""access_token":"\#(accessToken)""#, #""token_type":"Bearer""#]
            if let expiresIn { members.append(#""expires_in":\#(expiresIn)"#) }
            if let refreshToken { members.append(#""refresh_token":"\#(refreshToken)""#) }
            return .json("{\(members.joined(separator: ","))}")
        }
    }

    /// One line of the script.
    package struct Step: Sendable {
        package var reply: Reply
        /// Held when all but the last byte has been sent.
        package var beforeRelease: Gate?
        /// Held when the last byte has left.
        package var afterRelease: Gate?

        package init(_ reply: Reply, beforeRelease: Gate? = nil, afterRelease: Gate? = nil) {
            self.reply = reply
            self.beforeRelease = beforeRelease
            self.afterRelease = afterRelease
        }
    }

    /// One request that came.
    package struct Recorded: Sendable {
        package var url: String
        /// The body's parameters, decoded.
        package var parameters: [String: String]
        /// Whether the last byte has left.
        package var isReleased = false

        package var refreshToken: String { self.parameters["refresh_token"] ?? "" }
    }

    private struct State {
        var script: [Step] = []
        var requests: [Recorded] = []
        var waiting: [(count: Int, isReleased: Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private let otherwise: @Sendable (Recorded, Int) -> Step

    /// - Parameter otherwise: Answers what the script has no line for, from the request and its number, from 1.
    package init(otherwise: @escaping @Sendable (Recorded, Int) -> Step) { self.otherwise = otherwise }

    /// Appends lines to the script.
    package func play(_ steps: Step...) { self.state.withLock { $0.script += steps } }

    package func play(_ reply: Reply) { self.play(Step(reply)) }

    package var requests: [Recorded] { self.state.withLock { $0.requests } }

    /// How many requests have come.
    package var count: Int { self.state.withLock { $0.requests.count } }

    /// Returns once so many requests have come.
    package func requestsArrived(_ count: Int) async { await self.wait(for: count, isReleased: false) }

    /// Returns once the last byte of so many has left.
    package func requestsReleased(_ count: Int) async { await self.wait(for: count, isReleased: true) }

    package func send(
        _ request: EndpointRequest,
        mayRelease: @escaping @Sendable () async -> Bool
    ) async throws(EndpointError) -> RawAnswer {
        let recorded = Recorded(url: request.url, parameters: Self.parameters((request.query ?? request.body).reveal()))
        let (number, scripted) = self.state.withLock { state in
            state.requests.append(recorded)
            return (state.requests.count, state.script.isEmpty ? nil : state.script.removeFirst())
        }
        let step = scripted ?? self.otherwise(recorded, number)
        self.tell()
        await step.beforeRelease?.pass()
        if case .notSent(let reason) = step.reply { throw .notSent(reason) }
        guard await mayRelease() else { throw .notSent(.held) }
        self.state.withLock { $0.requests[number - 1].isReleased = true }
        self.tell()
        await step.afterRelease?.pass()
        switch step.reply {
        case .answer(let status, let headers, let body):
            return RawAnswer(status: status, headers: headers, body: Secret(body))
        case .notSent(let reason): throw .notSent(reason)
        case .silence(let reason): throw .unknown(reason)
        }
    }

    private func wait(for count: Int, isReleased: Bool) async {
        await withCheckedContinuation { continuation in
            self.state.withLock { $0.waiting.append((count, isReleased, continuation)) }
            self.tell()
        }
    }

    private func tell() {
        let ready = self.state.withLock { state in
            let arrived = state.requests.count
            let released = state.requests.count(where: \.isReleased)
            let ready = state.waiting.filter { $0.count <= ($0.isReleased ? released : arrived) }
            state.waiting.removeAll { $0.count <= ($0.isReleased ? released : arrived) }
            return ready.map(\.continuation)
        }
        for continuation in ready { continuation.resume() }
    }

    /// Reads `application/x-www-form-urlencoded`.
    private static func parameters(_ body: String) -> [String: String] {
        var parameters: [String: String] = [:]
        for pair in body.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.decoded)
            parameters[halves[0]] = halves.count > 1 ? halves[1] : ""
        }
        return parameters
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"):
                bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            default:
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
