import ControlServer
import RefreshCore
import TestSupport
import Testing
import Varlink

/// New authorizations over the socket: who may, and what is told.
@Suite struct AuthorizationCallTests {
    private static let alice = #"{"client":"box","account":"box/alice"}"#

    @Test func `whoever may write an account may have it authorized`() async throws {
        let rig = try Rig(rule: Rig.rule([.write], "box/*"), enrols: true)
        rig.endpoint.play(.token("canary-at-1", refreshToken: "canary-rt-1"))
        try await rig.serve {
            let peer = try rig.connect()
            let begun = try await peer.answer("BeginAuthorization", Self.alice)
            let state = try #require(begun.parameters["state"]?.string)
            #expect(begun.parameters["url"]?.string?.hasPrefix("https://box.example/authorize?") == true)
            #expect(begun.parameters["expires_at"]?.int == 1_000_600)
            let neither = try await peer.answer("CompleteAuthorization", #"{"state":"\#(state)"}"#)
            #expect(neither.error == "InvalidParameter")
            let both = #"{"state":"\#(state)","code":"canary-c","callback":"?code=canary-c"}"#
            #expect(try await peer.answer("CompleteAuthorization", both).error == "InvalidParameter")
            let done = try await peer.answer("CompleteAuthorization", #"{"state":"\#(state)","code":"canary-c"}"#)
            #expect(done.state == "fresh" && done.generation == 1)
        }
        #expect(rig.log.leaks.isEmpty)
    }

    @Test func `a state of somebody else's account is one that nobody knows`() async throws {
        let rig = try Rig(rule: Rig.rule([.write], "box/own*"), enrols: true)
        try await rig.serve {
            let peer = try rig.connect()
            #expect(try await peer.answer("BeginAuthorization", Self.alice).error == "NotAllowed")
            #expect(try await peer.answer("BeginDeviceAuthorization", Self.alice).error == "NotAllowed")
            // The first secret of the test's source, for an account that another may write.
            let begun = try await peer.answer("BeginAuthorization", #"{"client":"box","account":"box/own"}"#)
            let state = try #require(begun.parameters["state"]?.string)
            rig.server.use(Rig.rule([.write], "box/other*"))
            let foreign = try await peer.call("CompleteAuthorization", #"{"state":"\#(state)","code":"canary-c"}"#)
            let guessed = try await peer.call("CompleteAuthorization", #"{"state":"guessed","code":"canary-c"}"#)
            #expect(foreign == guessed && foreign.contains("unknown_state"))
            #expect(rig.endpoint.count == 0)
        }
    }

    @Test func `without the right to write nothing is told at all`() async throws {
        let rig = try Rig(rule: Rig.rule([.token, .read, .refresh], "*"), enrols: true)
        try await rig.serve {
            let peer = try rig.connect()
            for (method, arguments) in [
                ("BeginAuthorization", Self.alice), ("BeginDeviceAuthorization", Self.alice),
                ("CompleteAuthorization", #"{"state":"guessed"}"#),
            ] {
                #expect(try await peer.answer(method, arguments).error == "NotAllowed")
            }
        }
    }

    @Test(arguments: [
        (#"{"client":"gdrive","account":"box/alice"}"#, "InvalidParameter"),
        (#"{"client":"none","account":"none/alice"}"#, "ClientNotFound"),
        (#"{"client":"box","account":"box/alice","redirect_uri":"http://elsewhere.example/"}"#, "InvalidParameter"),
        (#"{"client":"box","account":"box/alice","scopes":["a b"]}"#, "InvalidParameter"),
    ])
    func `what cannot be begun is refused`(arguments: String, error: String) async throws {
        let rig = try Rig(enrols: true)
        try await rig.serve {
            let peer = try rig.connect()
            #expect(try await peer.answer("BeginAuthorization", arguments).error == error)
            let device = try await peer.answer("BeginDeviceAuthorization", Self.alice)
            #expect(device.error == "AuthorizationFailed")
            #expect(device.parameters["error"]?.string == "no_device_authorization_endpoint")
        }
    }
}
