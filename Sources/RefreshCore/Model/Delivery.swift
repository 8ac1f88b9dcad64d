/// The name of a sink, as its configuration table is called; the same form as a client's name.
package struct SinkID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let name: String

    /// Checks the name.
    ///
    /// - Throws: `NameError.client`, for the form is the same.
    package init(_ name: String) throws(NameError) { self.name = try ClientID(name).name }

    package var description: String { self.name }
    package static func < (left: SinkID, right: SinkID) -> Bool { left.name < right.name }
}

/// How far one account's token has got at one sink.
///
/// One row for each pair: the newest generation replaces an older one that was not delivered (facts G01).
package struct Delivery: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable {
        case pending
        case delivered
        case retrying
        /// The sink will not have it: nothing is tried until the token or the configuration changes (facts G02).
        case refused
        case handoff
    }

    package var account: AccountID
    package var sink: SinkID
    package var state: State
    /// The generation that is to be delivered, or has been.
    package var generation: Generation
    /// The last generation that the sink accepted.
    package var accepted: Generation?
    /// When the state was entered, UTC.
    package var at: Timestamp
    package var failure: Failure?

    package init(
        account: AccountID,
        sink: SinkID,
        state: State,
        generation: Generation,
        accepted: Generation?,
        at: Timestamp,
        failure: Failure?
    ) {
        self.account = account
        self.sink = sink
        self.state = state
        self.generation = generation
        self.accepted = accepted
        self.at = at
        self.failure = failure
    }
}
