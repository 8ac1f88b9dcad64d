import ControlAPI
import NIOCore
import Varlink

/// A connection to refreshd: the interface's methods over a varlink client, with failures in plain words.
struct Daemon: Sendable {
    let client: VarlinkClient
    private let socket: String

    /// Connects, runs `body`, and closes.
    ///
    /// - Throws: `Failure`.
    static func with<Result: Sendable>(
        _ options: Refreshctl,
        _ body: (Daemon) async throws -> Result
    ) async throws -> Result {
        try await Self.with(socket: options.socket, body)
    }

    /// The same for a socket's path.
    static func with<Result: Sendable>(
        socket: String,
        _ body: (Daemon) async throws -> Result
    ) async throws -> Result {
        do {
            return try await VarlinkClient.withConnection(to: socket) { client in
                try await body(Daemon(client: client, socket: socket))
            }
        } catch let error as VarlinkClientError {
            throw Failure(error, socket: socket)
        }
    }

    /// Makes a call with one answer, which is returned as it came: so `--json` shows also what this program does not know.
    func call(_ call: some ControlCall) async throws -> Answer {
        Answer(parameters: try await self.client.call(Self.message(call)))
    }

    /// Makes a call with many answers.
    func replies(to call: some ControlCall) throws -> AsyncMapSequence<VarlinkReplies, Answer> {
        self.client.replies(to: try Self.message(call)).map { Answer(parameters: $0) }
    }

    private static func message<Call: ControlCall>(_ call: Call) throws -> VarlinkCall {
        let arguments = try JSONValue(parsing: call.controlJSON())
        return VarlinkCall(method: Call.fullMethod, arguments: arguments.object ?? [:])
    }
}

/// An answer of the daemon: readable as a value of the interface, printable as the JSON that came.
struct Answer: Sendable {
    let parameters: ByteBuffer

    /// - Throws: `DecodingError` if the answer is not what the interface says.
    func decode<Reply: Decodable>(_: Reply.Type) throws -> Reply {
        try Reply(controlJSON: self.parameters.readableBytesView)
    }

    func has(_ member: String) -> Bool {
        (try? JSONValue(parsing: self.parameters))?.object?[member] != nil
    }

    /// One line of JSON: the object under `member`, or the whole answer.
    func json(_ member: String? = nil) throws -> String {
        let value = try JSONValue(parsing: self.parameters)
        guard let member else { return value.text.escapedJSON }
        return (value.object?[member] ?? value).text.escapedJSON
    }
}
