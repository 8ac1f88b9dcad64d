import ControlServer
import HandoffServer
import NIOCore
import RefreshEngine
import Sealing

/// The two ends of a hand-off, where there is a socket for it: the site asks for tickets, browsers bring them.
struct HandoffWiring: Sendable {
    let issue: HandoffIssue.Issue
    let server: HandoffServer

    /// Nil without a socket.
    init?(_ configuration: HandoffConfiguration?, engine: Engine, group: any EventLoopGroup) {
        guard let configuration else { return nil }
        let desk = HandoffDesk(engine: engine, random: SystemSecrets())
        self.issue = { account, sink in
            let issued = try await desk.issue(account, sink: sink)
            return HandoffIssue(path: issued.path, generation: issued.generation, expiresAt: issued.expiresAt)
        }
        self.server = HandoffServer(
            desk: desk,
            socket: HandoffSocket(
                path: configuration.socketPath,
                group: configuration.group,
                mode: configuration.mode.bits
            ),
            group: group
        )
    }
}

extension HandoffConfiguration.Mode {
    fileprivate var bits: UInt32 {
        switch self {
        case .ownerAndGroup: 0o660
        case .everybody: 0o666
        }
    }
}
