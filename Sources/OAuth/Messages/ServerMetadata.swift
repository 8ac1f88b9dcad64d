import RefreshCore

/// What a provider publishes about itself (RFC 8414, OpenID Connect Discovery 1.0).
///
/// It comes over the network, so it may say less than a configuration: an endpoint on another host than the issuer's is
/// not taken, for whoever can change the document could otherwise have the codes and secrets sent to himself.
package struct ServerMetadata: Hashable, Sendable {
    package let authorizationEndpoint: String?
    package let deviceAuthorizationEndpoint: String?
    /// Whether answers to authorization requests name the issuer (RFC 9207 §3).
    package let issuerIsNamed: Bool

    /// Where to look, in this order.
    ///
    /// - Returns: Empty for an issuer that is no https address, or has a query.
    package static func addresses(of issuer: String) -> [String] {
        guard let url = try? EndpointURL(issuer, insecureLoopback: true), url.query == nil else { return [] }
        let origin = "\(url.scheme.rawValue)://\(url.authority)"
        let path = url.path == "/" ? "" : url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
        return [
            // RFC 8414 §3.1 puts the well-known part before the path, OpenID Connect behind it.
            "\(origin)/.well-known/oauth-authorization-server\(path)",
            "\(origin)\(path)/.well-known/openid-configuration",
        ]
    }

    /// Reads a document.
    ///
    /// - Returns: Nil when it is no object, or speaks of another issuer than the one that was asked (RFC 8414 §3.3).
    package init?(parsing bytes: [UInt8], issuer: String) {
        guard let members = try? JSONReader.object(in: bytes), members["issuer"]?.text == issuer,
            let home = try? EndpointURL(issuer, insecureLoopback: true)
        else { return nil }
        func endpoint(_ name: String) -> String? {
            guard let text = members[name]?.text,
                let url = try? EndpointURL(text, insecureLoopback: home.scheme == .http),
                url.host == home.host, url.port == home.port, url.scheme == home.scheme
            else { return nil }
            return url.text
        }
        self.authorizationEndpoint = endpoint("authorization_endpoint")
        self.deviceAuthorizationEndpoint = endpoint("device_authorization_endpoint")
        self.issuerIsNamed = members["authorization_response_iss_parameter_supported"] == .bool(true)
    }
}
