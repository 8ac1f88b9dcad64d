package import RefreshCore

/// The same `set_keys` call, left to the account's own browser.
///
/// Nothing is delivered from here: whoever asks for that all the same is refused, and no connection is made.
package struct SetKeysHandoff: TokenSink, HandoffAddress {
    private let settings: SetKeysSettings

    package init(settings: SetKeysSettings) { self.settings = settings }

    package func address(for message: SinkMessage) throws(SinkError) -> Secret {
        try SetKeysCall(message, settings: self.settings).address
    }

    package func deliver(_ message: SinkMessage) throws(SinkError) {
        throw .refused(message: "is handed off through the account's own browser")
    }
}
