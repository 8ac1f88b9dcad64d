package import ControlAPI
package import RefreshCore

/// What `Status` tells of the daemon and the engine does not know.
package struct DaemonFacts: Sendable {
    package var version: String
    package var pid: Int32
    /// UTC.
    package var startedAt: Timestamp
    /// Asked at each call.
    package var state: @Sendable () -> Wire.DaemonState

    package init(
        version: String,
        pid: Int32,
        startedAt: Timestamp,
        state: @escaping @Sendable () -> Wire.DaemonState
    ) {
        self.version = version
        self.pid = pid
        self.startedAt = startedAt
        self.state = state
    }
}
