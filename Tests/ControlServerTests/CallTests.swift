import ControlAPI
@testable import ControlServer
import Foundation
import RefreshCore
import Synchronization
@testable import RefreshEngine
import TestSupport
import Testing
import Varlink

@Suite struct CallTests {
    @Test(arguments: 0..<4 as Range<UInt64>)
    func `the hot path and the general way give the same bytes`(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let rig = try Rig()
        try await rig.serve {
            for name in ["box/a", "box/ü€😀", "gdrive/x y"] { try await rig.put(name) }
            rig.engine.table.warn(try AccountID("gdrive/x y"), "a \"warning\"")
            let peer = try rig.connect()
            for _ in 0..<100 {
                let name = ["box/a", "box/ü€😀", "gdrive/x y", "box/none"].randomElement(using: &random) ?? ""
                let minValid = [nil, 0, 60, 3_000].randomElement(using: &random) ?? nil
                peer.write(PlainGetTokenTests.spelling(account: name, minValid: minValid, &random))
                let plain = await peer.message()
                // An escape leaves the hot path.
                let escaped = name.replacingOccurrences(of: "/", with: "\\/")
                peer.write(PlainGetTokenTests.spelling(account: escaped, minValid: minValid, &random))
                #expect(await peer.message() == plain, "seed \(seed), \(name)")
            }
        }
    }

    @Test func `a token of too short a life is refreshed before it is given out`() async throws {
        let rig = try Rig()
        try await rig.serve {
            try await rig.put("box/a", expiresIn: 3_600)
            let peer = try rig.connect()
            rig.clock.advance(by: .seconds(3_000))
            #expect(
                try await peer.answer("GetToken", #"{"account":"box/a","min_valid":599}"#).accessToken
                    == "canary-at-box/a"
            )
            let answer = try await peer.answer("GetToken", #"{"account":"box/a","min_valid":601}"#)
            #expect(answer.accessToken == "canary-at-next")
            #expect(rig.endpoint.count == 1)
        }
    }

    @Test func `the answers of calls sent ahead come in the order of the calls`() async throws {
        let gate = Gate()
        let rig = try Rig()
        rig.endpoint.play(.init(.token("canary-at-2"), afterRelease: gate))
        try await rig.serve {
            try await rig.put("box/a")
            try await rig.put("box/b")
            let peer = try rig.connect()
            peer.write(RawPeer.text("Refresh", #"{"account":"box/a"}"#))
            peer.write(RawPeer.text("GetToken", #"{"account":"box/b"}"#))
            peer.write(RawPeer.text("Nothing"))
            peer.write(RawPeer.text("Show", #"{"account":"box/a"}"#))
            // Others are not kept waiting.
            #expect(try await (try rig.connect()).answer("GetToken", #"{"account":"box/b"}"#).error == nil)
            await rig.endpoint.requestsReleased(1)
            gate.open()
            let answers = try await peer.answers(4)
            #expect(answers[0].generation == 2)
            #expect(answers[1].accessToken == "canary-at-box/b")
            #expect(answers[2].error == "MethodNotFound")
            #expect(answers[3].generation == 2)
        }
    }

    @Test func `puts of different accounts share commits, and what follows them sees them`() async throws {
        let rig = try Rig()
        try await rig.serve {
            let peer = try rig.connect()
            for number in 0..<100 {
                peer.write(
                    RawPeer.text(
                        "Put",
                        #"{"account":"box/\#(number)","token":{"access_token":"canary-at-\#(number)"}}"#
                    )
                )
            }
            peer.write(RawPeer.text("Put", #"{"account":"box/0","token":{"access_token":"canary-at-again"}}"#))
            peer.write(RawPeer.text("Put", #"{"account":"box/0","token":{"access_token":"canary-at-last"}}"#))
            peer.write(RawPeer.text("GetToken", #"{"account":"box/0"}"#))
            let answers = try await peer.answers(103)
            for number in 0..<100 { #expect(answers[number].account["account"]?.string == "box/\(number)") }
            #expect(answers[100].generation == 2)
            #expect(answers[101].generation == 3)
            #expect(answers[102].accessToken == "canary-at-last")
        }
    }

    @Test func `oneway calls are done and not answered`() async throws {
        let rig = try Rig()
        try await rig.serve {
            try await rig.put("box/a")
            let peer = try rig.connect()
            peer.write(RawPeer.text("Pause", #"{"account":"box/a"}"#, #","oneway":true"#))
            peer.write(RawPeer.text("Show", #"{"account":"box/none"}"#, #","oneway":true"#))
            #expect(try await peer.answer("Show", #"{"account":"box/a"}"#).state == "paused")
        }
    }

    @Test func `more without need gets one answer`() async throws {
        let rig = try Rig()
        try await rig.serve {
            try await rig.put("box/a")
            let peer = try rig.connect()
            let answer = try await peer.call("Show", #"{"account":"box/a"}"#, #","more":true"#)
            #expect(!answer.contains("continues"))
            #expect(try await peer.answer("GetToken", #"{"account":"box/a"}"#).error == nil)
        }
    }

    @Test func `a caller who has closed his sending side gets all his answers`() async throws {
        let rig = try Rig()
        try await rig.serve {
            try await rig.put("box/a")
            let peer = try rig.connect()
            // In one piece: the kernel charges each write for much more than its bytes.
            let calls = ["GetToken", "Show"].map { RawPeer.text($0, #"{"account":"box/a"}"#) + "\0" }.joined()
            let sent = String(repeating: calls, count: 200)
            #expect(peer.write(sent.utf8) == sent.utf8.count)
            peer.closeSending()
            #expect(await peer.everything().count { $0 == 0 } == 400)
        }
    }

    @Test func `a refresh goes on when the caller who asked for it leaves`() async throws {
        let gate = Gate()
        let rig = try Rig()
        rig.endpoint.play(.init(.token("canary-at-2"), afterRelease: gate))
        try await rig.serve {
            let account = try await rig.put("box/a")
            rig.clock.advance(by: .seconds(3_599))
            let peer = try rig.connect()
            peer.write(RawPeer.text("GetToken", #"{"account":"box/a"}"#))
            await rig.endpoint.requestsReleased(1)
            peer.leave()
            #expect(await peer.everything().isEmpty)
            gate.open()
            await eventually("the refresh is committed") { rig.engine.view(of: account)?.generation.number == 2 }
        }
    }

    @Test func `an account is not refreshed twice within ten seconds because somebody asks`() async throws {
        let rig = try Rig()
        try await rig.serve {
            try await rig.put("box/a")
            try await rig.put("box/b")
            let peer = try rig.connect()
            #expect(try await peer.answer("Refresh", #"{"account":"box/a"}"#).generation == 2)
            rig.clock.advance(by: .milliseconds(9_999))
            #expect(try await peer.answer("Refresh", #"{"account":"box/a"}"#).generation == 2)
            #expect(try await peer.answer("Refresh", #"{"account":"box/b"}"#).generation == 2)
            rig.clock.advance(by: .milliseconds(1))
            #expect(try await peer.answer("Refresh", #"{"account":"box/a"}"#).generation == 3)
        }
        #expect(rig.endpoint.count == 3)
    }

    @Test func `a list is in the order of names, and takes filters and a beginning`() async throws {
        let rig = try Rig()
        try await rig.serve {
            for name in ["gdrive/b", "box/c", "gdrive/a", "box/a", "box/b"] { try await rig.put(name) }
            let peer = try rig.connect()
            _ = try await peer.answer("Pause", #"{"account":"box/b"}"#)
            #expect(try await peer.list() == ["box/a", "box/b", "box/c", "gdrive/a", "gdrive/b"])
            #expect(try await peer.list(#"{"client":"gdrive"}"#) == ["gdrive/a", "gdrive/b"])
            #expect(try await peer.list(#"{"client":"box"}"#) == ["box/a", "box/b", "box/c"])
            #expect(try await peer.list(#"{"state":"paused"}"#) == ["box/b"])
            #expect(try await peer.list(#"{"after":"box/b","limit":2}"#) == ["box/c", "gdrive/a"])
            #expect(try await peer.list(#"{"client":"gdrive","after":"box/b"}"#) == ["gdrive/a", "gdrive/b"])
            #expect(try await peer.list(#"{"client":"none"}"#) == [])
            #expect(try await peer.call("List", #"{"client":"none","limit":1}"#) == #"{"parameters":{}}"#)
            #expect(try await peer.answer("List", #"{"limit":1}"#).account["account"]?.string == "box/a")
            #expect(try await peer.answer("List").error == "ExpectedMore")
            for wrong in [#"{"state":"odd"}"#, #"{"limit":0}"#, #"{"after":"x"}"#] {
                peer.write(RawPeer.text("List", wrong, #","more":true"#))
                #expect(try await peer.answers(1).first?.error == "InvalidParameter")
            }
        }
    }

    @Test func `a long list arrives whole`() async throws {
        let rig = try Rig()
        try await rig.serve {
            for number in 1_000..<2_300 { try await rig.put("box/\(number)") }
            #expect(try await (try rig.connect()).list() == (1_000..<2_300).map { "box/\($0)" })
        }
    }

    @Test func `a watcher is told what it may know, from the call on`() async throws {
        let rig = try Rig(rule: Rig.rule([.watch, .read], "box/*"))
        try await rig.serve {
            try await rig.put("box/a")
            let peer = try rig.connect()
            #expect(try await peer.answer("Watch").error == "ExpectedMore")
            #expect(try await peer.answer("Watch", #"{"account":"gdrive/a"}"#).error == "NotAllowed")
            peer.write(RawPeer.text("Watch", "{}", #","more":true"#))
            await eventually("it watches") { !rig.engine.watchers.isEmpty }
            try await rig.put("gdrive/a")
            try await rig.put("box/b")
            _ = try await rig.engine.pause(AccountID("box/a"), true)
            var told: [String] = []
            for answer in try await peer.answers(2) {
                let event = answer.parameters["event"]?.object ?? [:]
                told.append("\(event["kind"]?.string ?? "") \(event["account"]?.object?["account"]?.string ?? "")")
                #expect(answer.continues)
            }
            #expect(told == ["added box/b", "state box/a"])
            peer.leave()
            await eventually("it is forgotten") { rig.engine.watchers.isEmpty }
        }
    }

    @Test func `an account is put, shown, paused, resumed and removed`() async throws {
        let rig = try Rig()
        try await rig.serve {
            let peer = try rig.connect()
            let token = #"{"access_token":"canary-at-1","refresh_token":"canary-rt-1","expires_in":3600,"scope":"a b"}"#
            let put = try await peer.answer("Put", #"{"account":"box/a","token":\#(token),"issued_at":1000000}"#)
            #expect(put.state == "fresh")
            #expect(put.account["issued_at"]?.int == 1_000_000)
            #expect(put.account["expires_at"]?.int == 1_003_600)
            #expect(try await peer.answer("GetToken", #"{"account":"box/a"}"#).accessToken == "canary-at-1")
            #expect(try await peer.answer("Pause", #"{"account":"box/a"}"#).state == "paused")
            #expect(try await peer.answer("Resume", #"{"account":"box/a"}"#).error == nil)
            #expect(
                try await peer.answer("Explain", #"{"account":"box/a"}"#).parameters["lines"]?.array?.isEmpty == false
            )
            #expect(try await peer.answer("Remove", #"{"account":"box/a"}"#).error == nil)
            #expect(try await peer.answer("GetToken", #"{"account":"box/a"}"#).error == "AccountNotFound")
        }
    }

    @Test(
        arguments: [
            ("Put", #"{"account":"none/a","token":{"access_token":"canary-at-1"}}"#, "ClientNotFound"),
            ("Put", #"{"account":"box/a","token":{}}"#, "InvalidParameter"),
            ("Put", #"{"account":"box/a","token":[]}"#, "InvalidParameter"),
            ("Put", #"{"account":"noslash","token":{"access_token":"canary-at-1"}}"#, "InvalidParameter"),
            ("GetToken", #"{"account":"box/a","min_valid":-1}"#, "InvalidParameter"),
            ("GetToken", #"{"acount":"box/a"}"#, "InvalidParameter"),
            ("Deliver", #"{"account":"box/seen","sink":"none"}"#, "InvalidParameter"),
            ("BeginAuthorization", #"{"client":"box","account":"box/a"}"#, "MethodNotImplemented"),
            ("CompleteAuthorization", #"{"state":"s"}"#, "MethodNotImplemented"),
            ("BeginDeviceAuthorization", #"{"client":"box","account":"box/a"}"#, "MethodNotImplemented"),
            ("IssueHandoff", #"{"account":"box/a"}"#, "MethodNotImplemented"),
            ("Nothing", "{}", "MethodNotFound"),
            ("org.example.Other.Method", "{}", "InterfaceNotFound"),
        ]
    )
    func `a wrong call is told what is wrong`(method: String, parameters: String, error: String) async throws {
        let rig = try Rig()
        try await rig.serve {
            try await rig.put("box/seen")
            let peer = try rig.connect()
            #expect(try await peer.answer(method, parameters).error == error)
            // It costs nothing but the answer.
            #expect(try await peer.answer("Status").error == nil)
        }
    }

    @Test func `a daemon that is loading says so`() async throws {
        let rig = try Rig()
        try await rig.serve {
            rig.engine.state.withLock { $0.isLoading = true }
            let peer = try rig.connect()
            for method in ["GetToken", "Show", "Refresh"] {
                let answer = try await peer.answer(method, #"{"account":"box/a"}"#)
                #expect(answer.error == "NotReady")
                #expect(answer.parameters["state"]?.string == "loading")
            }
        }
    }

    @Test func `a forecast has a number for each step, and its limits`() async throws {
        let rig = try Rig()
        try await rig.serve {
            try await rig.put("box/a")
            let peer = try rig.connect()
            let answer = try await peer.answer("Forecast", #"{"client":"box","period":7200,"step":1800}"#)
            #expect(answer.parameters["step"]?.int == 1_800)
            let lanes = answer.parameters["lanes"]?.array?.compactMap(\.object) ?? []
            #expect(lanes.first?["clients"] == ["box"])
            #expect(lanes.first?["accounts"]?.int == 1)
            #expect(lanes.first?["refreshes"]?.array?.count == 4)
            #expect(try await peer.answer("Forecast").parameters["step"]?.int == 3_600)
            #expect(try await peer.answer("Forecast", #"{"client":"nobody"}"#).error == "ClientNotFound")
            for bad in [
                #"{"period":0}"#, #"{"period":9223372036854775807}"#, #"{"step":0}"#, #"{"step":-1}"#, #"{"step":1}"#,
                #"{"step":9223372036854775807}"#,
            ] {
                #expect(try await peer.answer("Forecast", bad).error == "InvalidParameter", "\(bad)")
            }
        }
    }

    @Test func `a removal that the provider refuses is told with its reason`() async throws {
        let rig = try Rig()
        try await rig.serve {
            try await rig.put("box/a")
            let peer = try rig.connect()
            let answer = try await peer.answer("Remove", #"{"account":"box/a","revoke":true}"#)
            #expect(answer.error == "RemovalFailed")
            #expect(answer.parameters["account"]?.string == "box/a")
            #expect(answer.parameters["message"]?.string?.hasPrefix("not revoked and not removed") == true)
            #expect(try await peer.answer("Show", #"{"account":"box/a"}"#).error == nil)
        }
    }

    @Test func `the status has the daemon's facts and the engine's numbers`() async throws {
        let rig = try Rig()
        try await rig.serve {
            try await rig.put("box/a")
            let peer = try rig.connect()
            let status = try await peer.answer("Status").parameters["status"]?.object ?? [:]
            #expect(status["version"]?.string == "1.2.3")
            #expect(status["pid"]?.int == 42)
            #expect(status["started_at"]?.int == 999_000)
            #expect(status["state"]?.string == "ready")
            #expect(status["accounts"]?.int == 1)
            #expect(status["by_state"]?.object?["fresh"]?.int == 1)
            #expect(status["clients"]?.array?.count == 2)
            let metrics = try await peer.answer("Metrics").parameters["openmetrics"]?.string
            #expect(metrics?.hasSuffix("# EOF\n") == true)
        }
    }

    @Test func `a reload that fails is told in one line`() async throws {
        struct Fault: Error, CustomStringConvertible {
            var description: String { "refreshd.toml: policy.margin: not a duration\nand more" }
        }
        let rig = try Rig(reload: { throw Fault() })
        try await rig.serve {
            let answer = try await (try rig.connect()).answer("Reload")
            #expect(answer.error == "ReloadFailed")
            #expect(answer.parameters["message"]?.string == "refreshd.toml: policy.margin: not a duration")
        }
    }

    @Test func `no method gives a refresh token out`() async throws {
        let rig = try Rig()
        try await rig.serve {
            try await rig.put("box/a")
            let watcher = try rig.connect()
            watcher.write(RawPeer.text("Watch", "{}", #","more":true"#))
            await eventually("it watches") { !rig.engine.watchers.isEmpty }
            let peer = try rig.connect()
            var written = ""
            for method in ["GetToken", "Show", "Refresh", "Deliver", "Pause", "Resume", "Explain"] {
                written += try await peer.call(method, #"{"account":"box/a"}"#)
            }
            let token = #"{"access_token":"canary-at-2","refresh_token":"canary-rt-2"}"#
            written += try await peer.call("Put", #"{"account":"box/b","token":\#(token)}"#)
            for method in ["Status", "Metrics", "org.varlink.service.GetInfo"] {
                written += try await peer.call(method)
            }
            written += try await peer.call("List", #"{"limit":1}"#)
            written += try await peer.call("Remove", #"{"account":"box/a"}"#)
            await rig.stop()
            written += String(decoding: await watcher.everything(), as: UTF8.self)
            #expect(written.contains("canary-at-") && written.contains("removed"))
            #expect(!written.contains("canary-rt-"))
        }
    }
}

extension RawPeer {
    /// The next answers, read.
    func answers(_ count: Int) async throws -> [Answer] {
        var answers: [Answer] = []
        while answers.count < count {
            guard let message = await self.message() else { throw Failure(reason: "closed") }
            answers.append(Answer(try JSONValue(parsing: Array(message.utf8))))
        }
        return answers
    }
}
