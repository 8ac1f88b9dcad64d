/// How a document is read that a provider publishes about itself.
package protocol MetadataSource: Sendable {
    /// Reads a document.
    ///
    /// - Parameter url: Absolute; refused like any other address if it is not https.
    /// - Returns: A complete answer, of any status. Redirects are not followed.
    /// - Throws: `EndpointError`; whether it was sent does not matter, for reading changes nothing.
    func document(at url: String) async throws(EndpointError) -> RawAnswer
}
