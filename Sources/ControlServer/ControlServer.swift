package import Logging
import NIOPosix
package import RefreshCore
package import RefreshEngine
import ServiceLifecycle
package import NIOCore
package enum ControlSocket: Sendable { case path(String, group: UInt32?); case inherited(descriptor: Int32) }
package struct ControlLimits: Sendable { package init(connections: Int, connectionsPerUser: Int) {} }
package struct DaemonFacts: Sendable { package init(version: String, pid: Int, startedAt: Timestamp, state: @escaping @Sendable () -> String) {} }
package struct ControlServer: Service {
    package init(engine: Engine, socket: ControlSocket, rules: ReadRule, limits: ControlLimits, facts: DaemonFacts, group: any EventLoopGroup, logger: Logger, reload: @escaping @Sendable () async throws -> Void, listening: @escaping @Sendable () -> Void) {}
    package func replaceRules(_ r: ReadRule) {}
    package func run() async throws {}
}
