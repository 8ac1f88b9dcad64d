/// Where an account's own browser is sent, so that the third party knows that browser and not this daemon.
///
/// A `set_keys` call fills the cookie jar of whoever makes it (facts, providers 2.4).
package protocol HandoffAddress: Sendable {
    /// The address that hands one token over, which is therefore a secret itself.
    ///
    /// - Throws: `SinkError.refused` for a client that the sink is not given.
    func address(for message: SinkMessage) throws(SinkError) -> Secret
}
