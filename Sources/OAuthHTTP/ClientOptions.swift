/// What distinguishes one HTTP client from another.
package struct ClientOptions: Hashable, Sendable {
    /// PEM file of certificates that are trusted beside the system's; nil for the system's alone.
    package var caFile: String?
    /// Whether plain `http` is accepted, to 127.0.0.1 and ::1 only.
    package var insecureLoopback: Bool

    package init(caFile: String? = nil, insecureLoopback: Bool = false) {
        self.caFile = caFile
        self.insecureLoopback = insecureLoopback
    }
}

/// Why there is no client for some options.
package enum ClientFactoryError: Error, Hashable, Sendable {
    /// The file with private roots cannot be read, or holds no certificate in PEM form.
    case noCertificate(path: String)
    /// The factory is being, or has been, shut down.
    case shutDown

    /// One clause for people.
    package var sentence: String {
        switch self {
        case .noCertificate(let path): "\(path) cannot be read or holds no certificate in PEM form"
        case .shutDown: "the daemon is stopping"
        }
    }
}
