import NIOCore
import Testing
import Varlink

@Suite struct MessageTests {
    @Test func `a call is read with its arguments and their bytes`() throws {
        let text = #" {"parameters": {"b":1.0, "a":"x"} ,"method":"a.b.C","more":true}"#
        let call = try VarlinkCall(parsing: ByteBuffer(string: text))
        #expect(call.method == "a.b.C")
        #expect(call.arguments == ["b": 1.0, "a": "x"])
        #expect(call.parameters == ByteBuffer(string: #"{"b":1.0, "a":"x"}"#))
        #expect(call.more && !call.oneway && !call.upgrade)
    }

    @Test(arguments: [#"{"method":"a.b.C"}"#, #"{"method":"a.b.C","parameters":null}"#])
    func `a call without parameters has no arguments`(text: String) throws {
        let call = try VarlinkCall(parsing: ByteBuffer(string: text))
        #expect(call.arguments.isEmpty && call.parameters == ByteBuffer(string: "{}"))
    }

    @Test(
        arguments: [
            ("", .malformed(.unexpectedEnd)),
            ("[]", .notAnObject),
            ("\"method\"", .notAnObject),
            ("[", .malformed(.unexpectedEnd)),
            ("{}", .missingMethod),
            (#"{"parameters":{}}"#, .missingMethod),
            (#"{"method":1}"#, .wrongType(member: "method")),
            (#"{"method":"a.B","parameters":[]}"#, .wrongType(member: "parameters")),
            (#"{"method":"a.B","more":1}"#, .wrongType(member: "more")),
            (#"{"method":"a.B","oneway":"true"}"#, .wrongType(member: "oneway")),
            (#"{"method":"a.B","Method":"a.C"}"#, .unknownMember("Method")),
            (#"{"method":"a.B","fds":[]}"#, .unknownMember("fds")),
            (#"{"method":"a.B","method":"a.C"}"#, .malformed(.duplicateMember("method", at: 16))),
            (#"{"method":"a.B","parameters":{"x":1,"x":2}}"#, .malformed(.duplicateMember("x", at: 36))),
            (#"{"method":"a.B","oneway":true,"more":true}"#, .contradiction),
            (#"{"method":"a.B"} x"#, .malformed(.unexpectedByte(at: 17))),
        ] as [(String, MessageError)]
    )
    func `a call with a fault is refused`(text: String, error: MessageError) {
        #expect(throws: error) { try VarlinkCall(parsing: ByteBuffer(string: text)) }
    }

    @Test func `a written call is read back as the same call`() throws {
        var call = VarlinkCall(method: "a.b.\"C\"", arguments: ["n": [1, nil, "\u{1}"]], more: true)
        call.upgrade = true
        #expect(try VarlinkCall(parsing: call.encoded()) == call)
    }

    @Test(arguments: [
        VarlinkReply(),
        VarlinkReply(parameters: ByteBuffer(string: #"{"a":1}"#), continues: true),
        VarlinkReply(error: .invalidParameter("x")),
        VarlinkReply(error: "a.b.C", parameters: ByteBuffer(string: "{}")),
    ])
    func `a written answer is read back as the same answer`(reply: VarlinkReply) throws {
        #expect(try VarlinkReply(parsing: reply.encoded()) == reply)
    }

    @Test func `an answer may say more than we know`() throws {
        let reply = try VarlinkReply(parsing: ByteBuffer(string: #"{"error":null,"new":[1],"parameters":{"a":1}}"#))
        #expect(reply == VarlinkReply(parameters: ByteBuffer(string: #"{"a":1}"#)))
    }

    @Test(arguments: ["[]", #"{"parameters":1}"#, #"{"error":1}"#, #"{"continues":null}"#])
    func `an answer of the wrong shape is refused`(text: String) {
        #expect(throws: MessageError.self) { try VarlinkReply(parsing: ByteBuffer(string: text)) }
    }
}
