import RefreshCore

extension Configuration {
    /// What holds where the files say nothing, and how far what they say may go.
    ///
    /// The same defaults stand in the comments of `etc/refreshd/refreshd.toml`.
    enum Defaults {
        static let path = "/etc/refreshd/refreshd.toml"
        static let storePath = "/var/lib/refreshd/store.sqlite"
        static let socketPath = "/run/refreshd/control.sock"
        /// The key's name in the folder of the store.
        static let keyName = "store.key"
        /// The attempt journal's name there.
        static let journalName = "escrow"
        static let maximumConnections = 4_096
        static let maximumConnectionsPerUser = 256
        static let window = RefreshWindow()
        static let mode = RefreshMode.eager
        static let limits = LaneLimits()
        static let logLevel = LogLevel.info
        /// The profile of a client that names none.
        static let profile = "rfc6749"
    }

    /// The ends of what is accepted.
    enum Limits {
        static let connections = 1...1_000_000
        /// More than a day before the expiry would be a refresh at every look (`RefreshWindow.longestSleep`).
        static let margin: ClosedRange<Duration> = .zero ... .seconds(86_400)
        static let spread = 0.0...0.5
        static let rate = 0.001...100_000
        static let concurrency = 1...10_000
        static let grace: ClosedRange<Duration> = .seconds(1) ... .seconds(30 * 86_400)
        static let lifetime: ClosedRange<Duration> = .seconds(1) ... .seconds(3_650 * 86_400)
        /// A sink's command; whoever stops the daemon waits for it.
        static let commandTime: ClosedRange<Duration> = .seconds(1) ... .seconds(600)
        /// `sockaddr_un` has 108 bytes, the last of them a zero.
        static let socketPathLength = 107
        static let pathLength = 4_095
        /// Bytes of a configuration file.
        static let fileSize = 1_048_576
        /// Bytes of a secret.
        static let secretSize = 65_536
    }
}
