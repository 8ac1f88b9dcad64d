import NIOCore

/// What a service says of itself: answers `org.varlink.service`, and judges every other call before it is handed on.
///
/// A plain value without a connection. The code around it reads a call, asks, and either writes the answer or acts.
package struct ServiceInterface: Sendable {
    /// What to do with a call.
    package enum Dispatch: Hashable, Sendable {
        /// Write this answer, unless the call is `oneway`. Errors come this way as well.
        case answer(VarlinkReply)
        /// The call is for a method of `interface` and its arguments match the definition.
        case handle(interface: String, method: String)
    }

    private let information: ByteBuffer
    private let interfaces: [String: InterfaceDescription]
    /// From the full name to its two halves, so that a call costs one look-up and no new string.
    private let methods: [String: (interface: String, method: String)]

    /// - Parameters:
    ///   - vendor: Who makes the service, for `GetInfo`.
    ///   - product: What it is.
    ///   - version: Its version.
    ///   - url: Where to read more.
    ///   - interfaces: What the service offers besides `org.varlink.service`, which is added.
    package init(vendor: String, product: String, version: String, url: String, interfaces: [InterfaceDescription]) {
        let all = [Self.description].compactMap(\.self) + interfaces
        let information: JSONObject = [
            "vendor": .string(vendor), "product": .string(product), "version": .string(version), "url": .string(url),
            "interfaces": .array(all.map { .string($0.name) }),
        ]
        self.information = information.encoded
        self.interfaces = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }
        self.methods = all.reduce(into: [:]) { methods, interface in
            for method in interface.methodNames {
                methods["\(interface.name).\(method)"] = (interface.name, method)
            }
        }
    }

    package func dispatch(_ call: VarlinkCall) -> Dispatch {
        guard let (name, method) = self.methods[call.method], let interface = self.interfaces[name] else {
            return .answer(VarlinkReply(error: self.unknown(call.method)))
        }
        // No method here turns the connection into something else, and to answer as if it did would leave the
        // caller speaking another protocol.
        guard !call.upgrade else { return .answer(VarlinkReply(error: .methodNotImplemented(call.method))) }
        if let fault = interface.invalidArgument(in: call.arguments, of: method) {
            return .answer(VarlinkReply(error: .invalidParameter(fault)))
        }
        guard name == Self.name else { return .handle(interface: name, method: method) }
        return .answer(self.describe(method, call.arguments))
    }

    private func unknown(_ method: String) -> VarlinkError {
        guard let dot = method.lastIndex(of: "."), dot != method.startIndex else { return .interfaceNotFound(method) }
        let interface = String(method[..<dot])
        return self.interfaces[interface] == nil ? .interfaceNotFound(interface) : .methodNotFound(method)
    }

    private func describe(_ method: String, _ arguments: JSONObject) -> VarlinkReply {
        guard method == "GetInterfaceDescription" else { return VarlinkReply(parameters: self.information) }
        let name = arguments["interface"]?.string ?? ""
        guard let interface = self.interfaces[name] else { return VarlinkReply(error: .interfaceNotFound(name)) }
        let description: JSONObject = ["description": .string(interface.text)]
        return VarlinkReply(parameters: description.encoded)
    }
}

extension ServiceInterface {
    package static let name = "org.varlink.service"

    /// The interface of every varlink service (varlink "Service Interface").
    package static let text = """
        # Describes a service to its clients: what it is, which interfaces it has, how they are defined.
        interface org.varlink.service

        # Names the service and lists its interfaces.
        method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)

        # Answers with the definition of one interface.
        method GetInterfaceDescription(interface: string) -> (description: string)

        # The interface is not offered here.
        error InterfaceNotFound (interface: string)

        # The interface has no such method.
        error MethodNotFound (method: string)

        # The method is defined, but this service does not do it.
        error MethodNotImplemented (method: string)

        # An argument is missing, unknown or of the wrong type.
        error InvalidParameter (parameter: string)

        # The caller may not do this.
        error PermissionDenied ()

        # The method answers calls with "more" only.
        error ExpectedMore ()

        """

    /// `nil` never, as a test asserts: the text above is a constant.
    private static let description = try? InterfaceDescription(parsing: text)
}
