/// What one caller, and all of them together, may take of the daemon (facts T14, group H).
package struct ControlLimits: Hashable, Sendable {
    /// Connections in all.
    package var connections = 4_096
    /// Connections of one user; root and the service's own user are not held to it.
    package var connectionsPerUser = 1_024
    /// Places out of `connections` that only root and the service's own user may take: an administrator gets in while
    /// everybody else is shut out.
    package var reservedConnections = 16
    /// The longest message in bytes, without its NUL.
    package var messageLength = 256 * 1_024
    /// How long a message may take from its first byte to its last.
    package var messageTime: Duration = .seconds(5)
    /// How long a connection may be silent while nothing is under way for it.
    package var idleTime: Duration = .seconds(600)
    /// How long answers may wait for a reader who takes nothing.
    package var progressTime: Duration = .seconds(10)
    /// Calls of one connection under way at once.
    package var calls = 32
    /// Calls of one user within `callWindow`, over all his connections; root and the service's own user are not held to
    /// it (facts T2).
    package var callsPerWindow = 20_000
    package var callWindow: Duration = .seconds(1)
    /// Refusals of one user within a minute that are told of (facts T2).
    package var refusalsToTell = 100
    /// Answers, in bytes, that are kept for a slow reader before no more of its calls are read.
    package var answerBytes = 256 * 1_024
    /// How long calls under way may take at the end of service.
    package var drainTime: Duration = .seconds(30)
    /// The least time between two explicit refreshes of one account (facts T2).
    package var refreshFloor: Duration = .seconds(10)

    package init() {}
}
