import Glibc
import Hummingbird
import Logging
package import NIOCore
import ServiceLifecycle
import Synchronization

/// Where the hand-off socket is, and who may connect to it beside the service's own user.
package struct HandoffSocket: Hashable, Sendable {
    /// Absolute, at most 107 bytes.
    package var path: String
    /// Nil leaves the group of the process.
    package var group: UInt32?
    /// The nine bits of `chmod`.
    package var mode: UInt32

    package init(path: String, group: UInt32?, mode: UInt32 = 0o660) {
        self.path = path
        self.group = group
        self.mode = mode
    }
}

/// Why the hand-off socket cannot be listened on, in one sentence for an operator.
package struct HandoffServerError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
}

/// Answers browsers, which reach it through the site's own reverse proxy, over HTTP on a Unix socket.
package struct HandoffServer: Service {
    private let desk: HandoffDesk
    private let socket: HandoffSocket
    private let group: any EventLoopGroup
    private let listening: @Sendable () -> Void

    /// A proxy keeps few connections; those that do nothing are closed.
    private static let connections = 1_024
    private static let idleTime = TimeAmount.seconds(60)

    /// What it would log is what it is asked for, and that is a ticket.
    private static var silent: Logger { Logger(label: "handoff") { _ in SwiftLogNoOpLogHandler() } }

    package init(
        desk: HandoffDesk,
        socket: HandoffSocket,
        group: any EventLoopGroup,
        listening: @escaping @Sendable () -> Void = {}
    ) {
        self.desk = desk
        self.socket = socket
        self.group = group
        self.listening = listening
    }

    /// Answers until graceful shutdown.
    ///
    /// - Throws: `HandoffServerError` when the socket cannot be had.
    package func run() async throws {
        let trouble = Mutex<HandoffServerError?>(nil)
        let application = Application(
            responder: HandoffResponder(desk: self.desk),
            server: .http1(
                configuration: .init(
                    idleTimeout: Self.idleTime,
                    httpDecoderConfiguration: .init(maxHeaderFieldSize: 16 * 1_024, maxHeaderListSize: 32 * 1_024)
                )
            ),
            configuration: ApplicationConfiguration(
                address: .unixDomainSocket(path: self.socket.path),
                availableConnectionsDelegate: .maximum(Self.connections, logger: Self.silent)
            ),
            onServerRunning: { channel in
                // Until here it is the service's own alone, whatever the umask: to connect takes the right to write,
                // which no umask in use leaves to others.
                if let error = self.open() {
                    trouble.withLock { $0 = error }
                    channel.close(promise: nil)
                } else {
                    self.listening()
                }
            },
            eventLoopGroupProvider: .shared(self.group),
            logger: Self.silent
        )
        do {
            try await application.run()
        } catch {
            throw trouble.withLock { $0 } ?? self.error("listen on", "\(error)")
        }
        unsafe unlink(self.socket.path)
        if let error = trouble.withLock({ $0 }) { throw error }
    }

    /// Lets the proxy in.
    private func open() -> HandoffServerError? {
        if let group = self.socket.group, unsafe lchown(self.socket.path, uid_t.max, group) != 0 {
            return self.error("give its group to", unsafe String(cString: strerror(errno)))
        }
        guard unsafe chmod(self.socket.path, self.socket.mode) == 0 else {
            return self.error("set the mode of", unsafe String(cString: strerror(errno)))
        }
        return nil
    }

    private func error(_ doing: String, _ reason: String) -> HandoffServerError {
        HandoffServerError(description: "could not \(doing) the hand-off socket \(self.socket.path): \(reason)")
    }
}
