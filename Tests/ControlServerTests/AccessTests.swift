@testable import ControlServer
import Glibc
import RefreshCore
import TestSupport
import Testing
import Varlink

@Suite struct AccessTests {
    @Test func `a user whom no rule allows anything is closed without a byte read or written`() async throws {
        let rig = try Rig(rule: Rig.nobody)
        try await rig.serve {
            let peer = try rig.connect()
            peer.write(RawPeer.text("org.varlink.service.GetInfo"))
            #expect(await peer.everything().isEmpty)
            for _ in 0..<20 { #expect(await (try rig.connect()).everything().isEmpty) }
        }
        let refusals = rig.log.entries.filter { $0.metadata["uid"] != nil }
        // The clock stood still: one line a second at most is one line in all, and it names the user alone.
        #expect(refusals.count == 1)
        #expect(refusals.first?.metadata == ["uid": "\(Rig.ownUser)"])
    }

    @Test(arguments: ["GetToken", "Show", "Remove", "Refresh", "Deliver", "Pause", "Resume", "Explain", "IssueHandoff"])
    func `what is not allowed and what does not exist get the same bytes`(method: String) async throws {
        // May have tokens and change accounts of box/own*, may read nothing.
        let rig = try Rig(rule: Rig.rule([.token, .write, .refresh], "box/own*"))
        try await rig.serve {
            try await rig.put("box/other")
            let peer = try rig.connect()
            let foreign = try await peer.call(method, #"{"account":"box/other"}"#)
            let missing = try await peer.call(method, #"{"account":"box/none"}"#)
            let ownMissing = try await peer.call(method, #"{"account":"box/own-none"}"#)
            #expect(foreign == #"{"error":"org.refreshd.Control.NotAllowed","parameters":{}}"#)
            #expect(missing == foreign)
            #expect(ownMissing == foreign)
        }
    }

    @Test func `whoever may read a name is told that nothing has it`() async throws {
        let rig = try Rig(rule: Rig.rule([.read, .token], "box/*"))
        try await rig.serve {
            let peer = try rig.connect()
            for method in ["GetToken", "Show", "Explain"] {
                let answer = try await peer.answer(method, #"{"account":"box/none"}"#)
                #expect(answer.error == "AccountNotFound")
                #expect(answer.parameters["account"]?.string == "box/none")
            }
        }
    }

    /// Which permission alone lets a method through.
    private static let needs: [(method: String, parameters: String, permission: Permissions)] = [
        ("GetToken", #"{"account":"box/a"}"#, .token),
        ("Show", #"{"account":"box/a"}"#, .read),
        ("Explain", #"{"account":"box/a"}"#, .read),
        ("List", #"{"limit":1}"#, .read),
        ("Put", #"{"account":"box/a","token":{"access_token":"canary-at-2"}}"#, .write),
        ("Pause", #"{"account":"box/a"}"#, .write),
        ("Resume", #"{"account":"box/a"}"#, .write),
        ("Refresh", #"{"account":"box/a"}"#, .refresh),
        ("Deliver", #"{"account":"box/a"}"#, .refresh),
        ("Reload", "{}", .admin),
        ("Remove", #"{"account":"box/a"}"#, .write),
    ]

    @Test func `each method goes through with its own permission and with no other`() async throws {
        for (word, permission) in Permissions.words {
            let rig = try Rig(rule: Rig.rule(permission, "box/*"))
            try await rig.serve {
                try await rig.put("box/a")
                let peer = try rig.connect()
                for (method, parameters, needed) in Self.needs {
                    let answer = try await peer.answer(method, parameters)
                    #expect((answer.error == "NotAllowed") == (needed != permission), "\(method) with \(word)")
                    if needed == permission { #expect(answer.error == nil, "\(method) with \(word)") }
                }
                for method in ["Status", "Metrics"] {
                    let answer = try await peer.answer(method)
                    #expect((answer.error == nil) == [.read, .admin].contains(permission), "\(method) with \(word)")
                }
            }
        }
    }

    @Test func `a list shows the accounts that may be read, and no other`() async throws {
        let rig = try Rig(rule: Rig.rule(.read, "box/a*", "gdrive/*"))
        try await rig.serve {
            for name in ["box/a1", "box/a2", "box/b1", "gdrive/z"] { try await rig.put(name) }
            let peer = try rig.connect()
            #expect(try await peer.list() == ["box/a1", "box/a2", "gdrive/z"])
        }
    }

    @Test func `other rules hold for the next call of a connection that is open`() async throws {
        let rig = try Rig(rule: Rig.rule(.token, "box/*"))
        try await rig.serve {
            try await rig.put("box/a")
            let peer = try rig.connect()
            #expect(try await peer.answer("GetToken", #"{"account":"box/a"}"#).accessToken == "canary-at-box/a")
            rig.server.use(Rig.rule(.token, "gdrive/*"))
            #expect(try await peer.answer("GetToken", #"{"account":"box/a"}"#).error == "NotAllowed")
            rig.server.use(Rig.rule(.token, "box/*"))
            #expect(try await peer.answer("GetToken", #"{"account":"box/a"}"#).error == nil)
            rig.server.use(Rig.nobody)
            peer.write(RawPeer.text("GetToken", #"{"account":"box/a"}"#))
            #expect(await peer.everything().isEmpty)
            #expect(await (try rig.connect()).everything().isEmpty)
        }
    }

    @Test func `the kernel's word of a peer has its user and all its groups`() throws {
        var pair: [CInt] = [-1, -1]
        try #require(unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair) == 0)
        defer { for descriptor in pair { close(descriptor) } }
        let peer = try #require(Peer.identity(of: pair[0]))
        var groups = [gid_t](repeating: 0, count: 65_536)
        let count = unsafe getgroups(CInt(groups.count), &groups)
        #expect(peer.uid == Rig.ownUser)
        #expect(peer.groups == Set(groups.prefix(Int(count)) + [getegid()]))
    }
}

extension RawPeer {
    /// The names of a whole list.
    func list(_ parameters: String = "{}") async throws -> [String] {
        self.write(Self.text("List", parameters, #","more":true"#))
        var names: [String] = []
        while let message = await self.message() {
            let answer = Answer(try JSONValue(parsing: Array(message.utf8)))
            if let name = answer.account["account"]?.string { names.append(name) }
            if !answer.continues { return names }
        }
        return names
    }
}
