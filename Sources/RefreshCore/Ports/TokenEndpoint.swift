/// A request to a token endpoint, complete but for the connection.
package struct EndpointRequest: Sendable {
    /// The methods that providers ask for.
    package enum Method: String, Hashable, Sendable, CaseIterable {
        case post
        /// Ends a grant at one provider.
        case delete
        /// Has no body, so its parameters and their secrets are in the query.
        case get
    }

    package var method: Method
    /// Absolute, checked when the configuration was read; has no query that holds a secret.
    package var url: String
    /// What a `get` has behind the question mark, form-encoded; joined to the address where the request leaves, and nowhere
    /// else, for an address may be told.
    package var query: Secret?
    /// Without Host, Content-Length and Connection, which are the transport's.
    package var headers: [(name: String, value: Secret)]
    /// `application/x-www-form-urlencoded`, at least one byte; of a `get` it is empty.
    package var body: Secret
    /// Whether the grant is spent by the request, so that it may not be repeated by any layer below, and goes over
    /// a connection of its own (facts E08).
    package var isSingleUse: Bool
    /// How long to wait for the whole answer once the last byte has left.
    package var answerTimeout: Duration

    package init(
        url: String,
        headers: [(name: String, value: Secret)],
        body: Secret,
        isSingleUse: Bool,
        answerTimeout: Duration,
        method: Method = .post,
        query: Secret? = nil
    ) {
        self.method = method
        self.query = query
        self.url = url
        self.headers = headers
        self.body = body
        self.isSingleUse = isSingleUse
        self.answerTimeout = answerTimeout
    }
}

/// A complete answer, as it came.
package struct RawAnswer: Sendable {
    package var status: Int
    /// Names in lower case, in the order of arrival.
    package var headers: [(name: String, value: String)]
    package var body: Secret

    package init(status: Int, headers: [(name: String, value: String)], body: Secret) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first value of a header.
    ///
    /// - Parameter name: In lower case.
    /// - Returns: Nil if the header did not come.
    package func header(_ name: String) -> String? { self.headers.first { $0.name == name }?.value }
}

/// How a request reaches a token endpoint.
package protocol TokenEndpoint: Sendable {
    /// Connects, sends everything but the last byte of the body, asks for leave, sends the last byte, and reads
    /// the answer.
    ///
    /// A server cannot act on a request whose body is not complete. So everything that fails before `mayRelease` has
    /// answered true is proved not to have been sent, and everything after is not (facts, section 3). A `get` is
    /// complete with its head: leave is asked for before it connects, and of what fails then only what is certain to have
    /// failed before the head left counts as not sent. It is no method for a grant that is spent by use.
    ///
    /// - Parameters:
    ///   - request: What is sent.
    ///   - mayRelease: Called at most once, when all but the last byte has been handed to the connection. False gives
    ///     the request up: `EndpointError.notSent` with cause `held`.
    /// - Returns: A complete answer, of any status: a refusal is no error.
    /// - Throws: `EndpointError`. Cancelling the caller before the release gives the request up; after it, the answer
    ///   is waited for all the same.
    func send(
        _ request: EndpointRequest,
        mayRelease: @escaping @Sendable () async -> Bool
    ) async throws(EndpointError) -> RawAnswer
}
