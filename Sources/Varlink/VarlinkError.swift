/// An error as one side of a connection names it to the other.
package struct VarlinkError: Error, Hashable, Sendable {
    /// Interface, dot, error: `org.varlink.service.MethodNotFound`.
    package var name: String
    package var parameters: JSONObject

    package init(name: String, parameters: JSONObject = [:]) {
        self.name = name
        self.parameters = parameters
    }

    // The errors every service may answer with (varlink "Service Interface").

    package static func interfaceNotFound(_ interface: String) -> VarlinkError {
        VarlinkError(name: "org.varlink.service.InterfaceNotFound", parameters: ["interface": .string(interface)])
    }

    package static func methodNotFound(_ method: String) -> VarlinkError {
        VarlinkError(name: "org.varlink.service.MethodNotFound", parameters: ["method": .string(method)])
    }

    package static func methodNotImplemented(_ method: String) -> VarlinkError {
        VarlinkError(name: "org.varlink.service.MethodNotImplemented", parameters: ["method": .string(method)])
    }

    /// The argument of that name is missing, unknown or of the wrong type.
    package static func invalidParameter(_ parameter: String) -> VarlinkError {
        VarlinkError(name: "org.varlink.service.InvalidParameter", parameters: ["parameter": .string(parameter)])
    }

    package static let permissionDenied = VarlinkError(name: "org.varlink.service.PermissionDenied")

    /// The method answers calls with `more` only.
    package static let expectedMore = VarlinkError(name: "org.varlink.service.ExpectedMore")
}
