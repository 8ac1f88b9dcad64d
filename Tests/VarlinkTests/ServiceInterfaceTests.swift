import NIOCore
import Testing
import Varlink

@Suite struct ServiceInterfaceTests {
    let service: ServiceInterface
    static let text = "interface org.example.a\nmethod Get(name: string) -> ()\n"

    init() throws {
        self.service = ServiceInterface(
            vendor: "v",
            product: "p",
            version: "1",
            url: "u",
            interfaces: [try InterfaceDescription(parsing: Self.text)]
        )
    }

    @Test func `the standard interface's own text is well-formed and complete`() throws {
        let interface = try InterfaceDescription(parsing: ServiceInterface.text)
        #expect(interface.name == ServiceInterface.name)
        #expect(interface.methodNames == ["GetInfo", "GetInterfaceDescription"])
    }

    @Test func `GetInfo names the service and all its interfaces`() throws {
        let answer = try self.answer(VarlinkCall(method: "org.varlink.service.GetInfo"))
        #expect(
            try JSONValue(parsing: answer.parameters) == [
                "vendor": "v", "product": "p", "version": "1", "url": "u",
                "interfaces": ["org.varlink.service", "org.example.a"],
            ]
        )
    }

    @Test func `GetInterfaceDescription answers with the text as it was given`() throws {
        let method = "org.varlink.service.GetInterfaceDescription"
        let answer = try self.answer(VarlinkCall(method: method, arguments: ["interface": "org.example.a"]))
        #expect(try JSONValue(parsing: answer.parameters).object?["description"]?.string == Self.text)
    }

    @Test(
        arguments: [
            ("org.varlink.service.GetInterfaceDescription", ["interface": "org.no"], .interfaceNotFound("org.no")),
            ("org.varlink.service.GetInterfaceDescription", [:], .invalidParameter("interface")),
            ("org.varlink.service.GetInfo", ["x": 1], .invalidParameter("x")),
            ("org.varlink.service.Get", [:], .methodNotFound("org.varlink.service.Get")),
            ("org.example.a.Got", [:], .methodNotFound("org.example.a.Got")),
            ("org.example.b.Get", [:], .interfaceNotFound("org.example.b")),
            ("Get", [:], .interfaceNotFound("Get")),
            (".Get", [:], .interfaceNotFound(".Get")),
            ("", [:], .interfaceNotFound("")),
            ("org.example.a.Get", [:], .invalidParameter("name")),
            ("org.example.a.Get", ["name": 1], .invalidParameter("name")),
            ("org.example.a.Get", ["name": "n", "Name": "n"], .invalidParameter("Name")),
        ] as [(String, JSONObject, VarlinkError)]
    )
    func `a call that nobody can handle is answered with the standard error`(
        method: String,
        arguments: JSONObject,
        error: VarlinkError
    ) throws {
        #expect(try self.answer(VarlinkCall(method: method, arguments: arguments)) == VarlinkReply(error: error))
    }

    @Test func `a call that matches the definition is handed on`() {
        let call = VarlinkCall(method: "org.example.a.Get", arguments: ["name": "n"])
        #expect(self.service.dispatch(call) == .handle(interface: "org.example.a", method: "Get"))
    }

    @Test func `an upgrade is not pretended`() throws {
        var call = VarlinkCall(method: "org.example.a.Get", arguments: ["name": "n"])
        call.upgrade = true
        #expect(try self.answer(call).error == "org.varlink.service.MethodNotImplemented")
    }

    private func answer(_ call: VarlinkCall) throws -> VarlinkReply {
        guard case .answer(let reply) = self.service.dispatch(call) else {
            throw VarlinkError(name: "handed on")
        }
        return reply
    }
}
