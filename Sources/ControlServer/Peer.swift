import CLinux
import NIOCore
import RefreshCore
import Synchronization

/// Who is at the other end, by the kernel's word of the moment it connected.
///
/// Decided on user and groups, never on a process id: those are used again (facts T3).
enum Peer {
    /// The identity behind a descriptor.
    ///
    /// - Returns: Nil when the kernel does not say; such a peer is nobody.
    static func identity(of descriptor: CInt) -> PeerIdentity? {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        guard unsafe clinux_peer_credentials(descriptor, &pid, &uid, &gid) == 0 else { return nil }
        var groups: Set<UInt32> = [gid]
        // Most users are in fewer than 64 groups; the kernel's limit is 65,536.
        var capacity = 64
        while true {
            var supplementary = [UInt32](repeating: 0, count: capacity)
            let count = unsafe clinux_peer_groups(descriptor, &supplementary, CInt(capacity))
            guard count >= 0 else { return nil }
            guard count <= capacity else {
                capacity = Int(count)
                continue
            }
            groups.formUnion(supplementary.prefix(Int(count)))
            return PeerIdentity(uid: uid, groups: groups)
        }
    }

    /// The identity behind a channel, on its event loop.
    static func identity(of channel: any Channel) -> PeerIdentity? {
        let found = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { Self.identity(of: $0) }
        return found.flatMap { $0 }
    }
}

/// The rules in force, replaced as a whole at a reload.
final class Access: Sendable {
    private let rule: Mutex<ReadRule>
    private let count = Atomic<Int>(0)

    init(_ rule: ReadRule) { self.rule = Mutex(rule) }

    /// Grows with each replacement, so that a caller sees by one load whether its view is old.
    var version: Int { self.count.load(ordering: .acquiring) }

    func use(_ rule: ReadRule) {
        self.rule.withLock { $0 = rule }
        self.count.wrappingAdd(1, ordering: .releasing)
    }

    func view(of peer: PeerIdentity) -> PeerView { self.rule.withLock { $0 }.view(of: peer) }

    func isMaster(_ peer: PeerIdentity) -> Bool { self.rule.withLock { $0.masters.contains(peer.uid) } }
}

/// One connected peer and what it may do by the rules in force.
///
/// Shared by the connection and the calls that wait for something, hence the lock; nobody contends for it.
final class Caller: Sendable {
    private struct Known {
        var version: Int
        var view: PeerView
        /// The account whose token was given out last: most callers ask for few, again and again.
        var account: AccountID?
    }

    let identity: PeerIdentity
    private let access: Access
    private let known: Mutex<Known>

    init(_ identity: PeerIdentity, access: Access) {
        self.identity = identity
        self.access = access
        // The version first: a rule replaced in between makes the view newer than told, which costs one look more.
        let version = access.version
        self.known = Mutex(Known(version: version, view: access.view(of: identity)))
    }

    private func view(_ known: inout Known) -> PeerView {
        let version = self.access.version
        if known.version != version {
            known = Known(version: version, view: self.access.view(of: self.identity))
        }
        return known.view
    }

    private var view: PeerView { self.known.withLock { self.view(&$0) } }

    var mayConnect: Bool { self.view.mayConnect }

    func allows(_ permission: Permissions, on account: String) -> Bool {
        self.view.allows(permission, on: account)
    }

    func allowsSome(_ permission: Permissions) -> Bool { self.view.allowsSome(permission) }

    /// Whether the caller may be given the account's token; the same as `allows`, without work for the last account.
    func mayHaveToken(of account: AccountID) -> Bool {
        self.known.withLock { known in
            let view = self.view(&known)
            // The whole name is compared: a fingerprint can be made to meet another one.
            if known.account == account { return true }
            guard view.allows(.token, on: account.name) else { return false }
            known.account = account
            return true
        }
    }
}
