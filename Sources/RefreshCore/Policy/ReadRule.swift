/// What a caller may ask for, one word each as the configuration's `allow` has them.
package struct Permissions: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let token = Permissions(rawValue: 1 << 0)
    package static let read = Permissions(rawValue: 1 << 1)
    package static let write = Permissions(rawValue: 1 << 2)
    package static let refresh = Permissions(rawValue: 1 << 3)
    package static let handoff = Permissions(rawValue: 1 << 4)
    package static let watch = Permissions(rawValue: 1 << 5)
    package static let admin = Permissions(rawValue: 1 << 6)
    package static let all: Permissions = [.token, .read, .write, .refresh, .handoff, .watch, .admin]

    /// The words of the configuration, in the order of the contract.
    package static let words: [(word: String, permission: Permissions)] = [
        ("token", .token), ("read", .read), ("write", .write), ("refresh", .refresh), ("handoff", .handoff),
        ("watch", .watch), ("admin", .admin),
    ]
}

/// Which accounts a rule speaks of: a name in which `*` stands for any run of characters, a slash included.
package struct AccountPattern: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    private let parts: [[UInt8]]

    package init(_ text: String) {
        self.text = text
        self.parts = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
    }

    package var description: String { self.text }

    /// Whether a name is meant.
    ///
    /// Linear in the name for one star; never worse than name times pattern.
    package func matches(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard let head = self.parts.first, let tail = self.parts.last, self.parts.count > 1 else {
            return self.parts.first.map { $0 == bytes } ?? false
        }
        guard bytes.starts(with: head) else { return false }
        var rest = bytes[head.count...]
        for part in self.parts.dropFirst().dropLast() where !part.isEmpty {
            // The leftmost fit is the best one: it leaves the most for what follows.
            guard let found = rest.indices.first(where: { rest[$0...].starts(with: part) }) else { return false }
            rest = rest[(found + part.count)...]
        }
        return rest.count >= tail.count && rest.suffix(tail.count).elementsEqual(tail)
    }
}

/// Who connected, by the kernel's word.
package struct PeerIdentity: Hashable, Sendable {
    package var uid: UInt32
    /// The primary group and the supplementary ones.
    package var groups: Set<UInt32>

    package init(uid: UInt32, groups: Set<UInt32>) {
        self.uid = uid
        self.groups = groups
    }
}

/// One rule: who may do what with which accounts.
package struct AccessRule: Hashable, Sendable {
    package var users: Set<UInt32>
    package var groups: Set<UInt32>
    package var accounts: [AccountPattern]
    package var allow: Permissions

    package init(users: Set<UInt32>, groups: Set<UInt32>, accounts: [AccountPattern], allow: Permissions) {
        self.users = users
        self.groups = groups
        self.accounts = accounts
        self.allow = allow
    }
}

/// Who may be given which account's token: every rule that matches adds what it allows, and nothing else is allowed.
package struct ReadRule: Hashable, Sendable {
    package var rules: [AccessRule]
    /// May do everything: root, and the user the service runs as.
    package var masters: Set<UInt32>

    package init(rules: [AccessRule], masters: Set<UInt32>) {
        self.rules = rules
        self.masters = masters
    }

    /// What is left of the rules for one caller, worked out once when it connects.
    package func view(of peer: PeerIdentity) -> PeerView {
        // The overflow uid stands for every user that has no name here: whoever it is, it is not who a rule means.
        guard peer.uid != 65_534 else { return PeerView(isMaster: false, rules: []) }
        let matching = self.rules.filter { $0.users.contains(peer.uid) || !$0.groups.isDisjoint(with: peer.groups) }
        return PeerView(isMaster: self.masters.contains(peer.uid), rules: matching)
    }
}

/// What one caller may do.
package struct PeerView: Hashable, Sendable {
    private let isMaster: Bool
    private let rules: [AccessRule]

    init(isMaster: Bool, rules: [AccessRule]) {
        self.isMaster = isMaster
        self.rules = rules
    }

    /// Whether anything at all is allowed: if not, the connection is closed before its first byte is read (T1).
    package var mayConnect: Bool { self.isMaster || !self.rules.isEmpty }

    /// Whether the caller may do this with an account of this name, existing or not.
    package func allows(_ permission: Permissions, on account: String) -> Bool {
        if self.isMaster { return true }
        return self.rules.contains { rule in
            rule.allow.isSuperset(of: permission) && rule.accounts.contains { $0.matches(account) }
        }
    }

    /// Whether the caller may do this at all, with some account.
    package func allowsSome(_ permission: Permissions) -> Bool {
        self.isMaster || self.rules.contains { $0.allow.isSuperset(of: permission) }
    }
}
