import ControlServer
import RefreshCore
import RefreshEngine
import Testing
import Varlink

@Suite struct HandoffCallTests {
    private static let issue: HandoffIssue.Issue = { account, sink in
        guard sink != "none" else { throw EngineError.invalidParameter("sink") }
        guard account.name != "box/poor" else {
            throw EngineError.unavailable(account, cause: "missing_permissions", retryAt: nil)
        }
        return HandoffIssue(path: "/handoff/00", generation: Generation(7), expiresAt: Timestamp(seconds: 1_060))
    }

    @Test func `whoever has the right is given a path, and what went wrong is told like anything else`() async throws {
        let rig = try Rig(rule: Rig.rule([.handoff, .read], "box/*"), handoff: Self.issue)
        try await rig.serve {
            let peer = try rig.connect()
            let answer = try await peer.answer("IssueHandoff", #"{"account":"box/a"}"#)
            #expect(answer.error == nil)
            #expect(answer.parameters["path"]?.string == "/handoff/00")
            #expect(answer.parameters["generation"]?.int == 7)
            #expect(answer.parameters["expires_at"]?.int == 1_060)
            #expect(
                try await peer.answer("IssueHandoff", #"{"account":"box/a","sink":"none"}"#).error == "InvalidParameter"
            )
            #expect(try await peer.answer("IssueHandoff", #"{"account":"box/poor"}"#).error == "TokenUnavailable")
        }
    }

    @Test func `the right to have tokens is not the right to hand them off`() async throws {
        let rig = try Rig(rule: Rig.rule([.token, .read, .write, .refresh, .watch], "box/*"), handoff: Self.issue)
        try await rig.serve {
            let peer = try rig.connect()
            #expect(try await peer.answer("IssueHandoff", #"{"account":"box/a"}"#).error == "NotAllowed")
        }
    }
}
