/// Where what lanes have learnt of their providers outlives the process (facts V6, I09).
///
/// Asked once, before the first attempt; told whenever a lane closes or opens. Holds no secret.
package protocol LaneArchive: Sendable {
    /// What `saveLanes` kept, by lane.
    func lanes() async throws(StoreError) -> [String: [UInt8]]

    /// Keeps the state of every lane, in place of what was kept before; durable when it returns.
    func saveLanes(_ lanes: [String: [UInt8]]) async throws(StoreError)
}
