import ControlAPI
import NIOCore
package import RefreshCore
import RefreshEngine
import Varlink

/// What issues tickets for browsers; it stands beside this server, and is handed in.
package struct HandoffIssue: Sendable {
    /// From the root of the hand-off socket.
    package var path: String
    package var generation: Generation
    /// UTC.
    package var expiresAt: Timestamp

    package init(path: String, generation: Generation, expiresAt: Timestamp) {
        self.path = path
        self.generation = generation
        self.expiresAt = expiresAt
    }

    /// - Throws: `EngineError`.
    package typealias Issue = @Sendable (_ account: AccountID, _ sink: String?) async throws -> HandoffIssue
}

// Calls that are about a user's own browser.
extension CallRouter {
    func issueHandoff(_ call: IncomingCall) throws(Refusal) -> Handling {
        let account = try self.account(call, .handoff)
        guard let issue = self.handoff else { throw .varlink(.methodNotImplemented(call.call.method)) }
        let sink = call.arguments["sink"]?.string
        return self.work(.looks, call) { _ in
            let issued = try await issue(account, sink)
            return try VarlinkReply(
                IssueHandoffReply(
                    path: issued.path,
                    generation: Int(issued.generation.number),
                    expiresAt: Int(issued.expiresAt.seconds)
                )
            ).framed
        }
    }
}
