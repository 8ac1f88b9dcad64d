import NIOCore
import RefreshCore
import Synchronization

/// Who is connected, and whether there is room for one more.
final class Admission: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var byUser: [UInt32: Int] = [:]
        var budgets: [UInt32: CallBudget] = [:]
        var isClosed = false
    }

    private let limits: ControlLimits
    private let state = Mutex(State())

    init(limits: ControlLimits) { self.limits = limits }

    /// Takes a connection in.
    ///
    /// - Parameters:
    ///   - channel: The connection.
    ///   - peer: Whose it is.
    ///   - isMaster: Root, or the service's own user: the reserved places are theirs, and no share of a user holds
    ///     for them.
    /// - Returns: False when there is no place for it, or no service any more.
    func admit(_ channel: any Channel, of peer: PeerIdentity, isMaster: Bool) -> Bool {
        self.state.withLock { state in
            let places = self.limits.connections - (isMaster ? 0 : self.limits.reservedConnections)
            let taken = state.byUser[peer.uid] ?? 0
            guard !state.isClosed, state.channels.count < places,
                isMaster || taken < self.limits.connectionsPerUser
            else { return false }
            state.channels[ObjectIdentifier(channel)] = channel
            state.byUser[peer.uid] = taken + 1
            return true
        }
    }

    /// What the connections of a user share.
    func budget(of peer: PeerIdentity) -> CallBudget {
        self.state.withLock { state in
            if let budget = state.budgets[peer.uid] { return budget }
            let budget = CallBudget(limit: self.limits.callsPerWindow, window: TimeAmount(self.limits.callWindow))
            state.budgets[peer.uid] = budget
            return budget
        }
    }

    func leave(_ channel: any Channel, of peer: PeerIdentity) {
        self.state.withLock { state in
            guard state.channels.removeValue(forKey: ObjectIdentifier(channel)) != nil else { return }
            state.byUser[peer.uid] = state.byUser[peer.uid].flatMap { $0 > 1 ? $0 - 1 : nil }
            // A user who leaves and comes back begins anew; to come back costs more than a call.
            if state.byUser[peer.uid] == nil { state.budgets[peer.uid] = nil }
        }
    }

    /// Takes nobody in any more.
    ///
    /// - Returns: Who is still connected.
    func close() -> [any Channel] {
        self.state.withLock { state in
            state.isClosed = true
            return Array(state.channels.values)
        }
    }

    var count: Int { self.state.withLock { $0.channels.count } }
}
