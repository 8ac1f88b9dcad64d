import ControlAPI
import Testing
import Varlink

@testable import refreshctl

@Suite struct FailureTests {
    @Test(
        arguments: [
            (.unreachable(.noSocket), .unreachable), (.unreachable(.nobodyListens), .unreachable),
            (.unreachable(.notPermitted), .notAllowed), (.unreachable(.other(detail: "x\u{1B}")), .unreachable),
            (.closed, .notAllowed), (.timedOut, .unreachable), (.malformed(detail: "x\n"), .failed),
            (.refused(.permissionDenied), .notAllowed), (.refused(.invalidParameter("limit\u{7}")), .failed),
            (.refused(.methodNotFound("a.B")), .failed), (.refused(.methodNotImplemented("a.B")), .failed),
            (.refused(VarlinkError(name: "x.y.Z\u{1B}")), .failed),
            (.refused(VarlinkError(name: "org.refreshd.Control.NotAllowed")), .notAllowed),
            (.refused(VarlinkError(name: "org.refreshd.Control.Conflict")), .failed),
        ] as [(VarlinkClientError, Outcome)]
    )
    func `a client's error has its exit status and one safe line`(error: VarlinkClientError, status: Outcome) throws {
        let failure = Failure(error, socket: "/run/x\u{1B}.sock")
        #expect(failure.status == status)
        let reason = try #require(failure.reason)
        #expect(reason.hasPrefix("refreshctl: ") && reason == reason.escaped)
    }

    @Test(
        arguments: [
            (.notAllowed, .notAllowed), (.accountNotFound(account: "a/b\u{1B}"), .failed),
            (.clientNotFound(client: "c\n"), .failed),
            (.needsAuthorization(account: "a/b", cause: "revoked"), .needsAuthorization),
            (.tokenUnavailable(account: "a/b", cause: "network", retryAt: 0), .failed),
            (.conflict(account: "a/b"), .failed),
            (.removalFailed(account: "a/b", cause: "network", message: "not revoked"), .failed),
            (.authorizationFailed(error: "e\u{7}", description: "d\n"), .failed),
            (.notReady(state: "loading"), .failed),
        ] as [(ControlError, Outcome)]
    )
    func `the daemon's error has its exit status and one safe line`(error: ControlError, status: Outcome) throws {
        let parameters = try JSONValue(parsing: error.parameters()).object ?? [:]
        let failure = Failure(VarlinkError(name: error.name, parameters: parameters))
        #expect(failure.status == status)
        #expect(failure == Failure(error))
        let reason = try #require(failure.reason)
        #expect(reason == reason.escaped)
    }

    @Test(
        arguments: [
            ([], .done), (["--help"], .done), (["help", "token"], .done), (["token", "--help"], .done),
            (["nonsense"], .wrongUsage), (["show"], .wrongUsage), (["show", "no-slash"], .wrongUsage),
            (["token", "a/b", "--min-valid", "60"], .wrongUsage), (["list", "--state", "happy"], .wrongUsage),
            (["list", "--limit", "0"], .wrongUsage), (["completions", "csh"], .wrongUsage),
            (["status", "--socket", "/nonexistent/x.sock"], .unreachable),
            (["--socket", "/nonexistent/x.sock", "status"], .unreachable),
            (["import", "/nonexistent/file", "--socket", "/nonexistent/x.sock"], .failed),
            (["add", "a/b", "/nonexistent/file"], .failed), (["completions", "bash"], .done),
        ] as [([String], Outcome)]
    )
    func `a command line exits as promised`(arguments: [String], status: Outcome) async {
        #expect(await Refreshctl.main(arguments) == status)
    }

    @Test(arguments: [
        ("60s", 60), ("0s", 0), ("5m", 300), ("2h", 7_200), ("1d", 86_400), ("60", nil), ("s", nil), ("-1s", nil),
        ("1.5h", nil), ("1w", nil), ("", nil), ("99999999999999999999s", nil), ("9223372036854775807d", nil),
        ("36525d", 3_155_760_000), ("36526d", nil),
    ])
    func `a length of time is read`(text: String, seconds: Int?) {
        #expect(TokenLifetime(argument: text)?.seconds == seconds)
    }

    @Test func `a header line has one form of the type`() throws {
        let token = Wire.Token(accessToken: "canary-at-1", tokenType: "bearer", scope: [], generation: 1)
        #expect(try TokenForm.header.text(of: token) == "Authorization: Bearer canary-at-1")
        #expect(try TokenForm.bare.text(of: token) == "canary-at-1")
    }

    @Test(arguments: ["", "canary-at-1\r\nX-Evil: 1", "canary-\u{1B}[2J", "canary at"])
    func `a token that would be more than a token is not printed`(text: String) {
        let token = Wire.Token(accessToken: text, tokenType: "Bearer", scope: [], generation: 1)
        #expect {
            try TokenForm.bare.text(of: token)
        } throws: { error in
            (error as? Failure)?.reason?.contains("canary") == false
        }
    }
}
