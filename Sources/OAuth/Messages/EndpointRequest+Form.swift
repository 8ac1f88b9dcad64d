import RefreshCore

extension EndpointRequest {
    /// How long to wait for the answer to a request that a person waits for too.
    static let patience: Duration = .seconds(30)

    /// A form for one of the provider's endpoints, with the client's authentication in its header.
    ///
    /// - Parameters:
    ///   - body: The form's fields, in the order they are sent.
    ///   - url: The endpoint, without placeholders.
    ///   - authentication: What the client proves itself with.
    ///   - isSingleUse: Whether what the form carries is spent by being sent, which asks for a connection of its own.
    ///   - method: Of a `get`, the form is the query.
    ///   - answerTimeout: How long the answer is waited for once the last byte has left.
    /// - Returns: The request, whole, before anything of it is sent.
    static func form(
        _ body: FormBody,
        to url: String,
        _ authentication: ClientAuthentication,
        isSingleUse: Bool,
        method: EndpointRequest.Method = .post,
        answerTimeout: Duration = Self.patience
    ) -> EndpointRequest {
        let isGet = method == .get
        var headers: [(name: String, value: Secret)] = [(name: "Accept", value: Secret("application/json"))]
        if !isGet { headers.append((name: "Content-Type", value: Secret("application/x-www-form-urlencoded"))) }
        if let authorization = authentication.authorization {
            headers.append((name: "Authorization", value: authorization))
        }
        return EndpointRequest(
            url: url,
            headers: headers,
            body: Secret(isGet ? [] : body.bytes),
            isSingleUse: isSingleUse,
            answerTimeout: answerTimeout,
            method: method,
            query: isGet ? Secret(body.bytes) : nil
        )
    }
}

extension OAuthClient {
    /// - Throws: `RefreshRequestError.noTokenEndpoint` when there is none, or one with placeholders left in it.
    func checkedTokenEndpoint() throws(RefreshRequestError) -> String {
        guard let endpoint = self.tokenEndpoint, !endpoint.isEmpty, !endpoint.contains("{") else {
            throw .noTokenEndpoint
        }
        return endpoint
    }

    func authentication() throws(RefreshRequestError) -> ClientAuthentication {
        try ClientAuthentication(self.authenticationMethod, clientID: self.clientID, secret: self.clientSecret)
    }
}
