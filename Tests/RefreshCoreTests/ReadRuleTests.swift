import RefreshCore
import Testing

@Suite struct AccountPatternTests {
    @Test(
        arguments: [
            ("*", "", true), ("*", "a/b", true), ("a/b", "a/b", true), ("a/b", "a/bc", false), ("a/*", "a/b/c", true),
            ("a/*", "ab/c", false), ("*/b", "a/b", true), ("*/b", "a/bb/b", true), ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "abc", true), ("a*b*c", "acb", false), ("**", "x", true), ("a**b", "ab", true),
            ("*ab*ab", "ab", false),
            ("*ab*ab", "abab", true), ("", "", true), ("", "a", false), ("a?", "ab", false), ("[a]", "a", false),
            ("É*", "É/x", true), ("\u{E9}*", "e\u{301}", false),
        ]
    )
    func `a star stands for any run of characters and nothing else stands for anything`(
        pattern: String,
        name: String,
        matches: Bool
    ) {
        #expect(AccountPattern(pattern).matches(name) == matches)
    }

    /// The definition, by recursion: slow, and plain to see.
    private static func naive(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == UInt8(ascii: "*") {
            return self.naive(pattern.dropFirst(), name) || (!name.isEmpty && self.naive(pattern, name.dropFirst()))
        }
        return name.first == first && self.naive(pattern.dropFirst(), name.dropFirst())
    }

    @Test func `it agrees with the definition on random patterns and names`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        var matches = 0
        for _ in 0..<10_000 {
            func text(_ letters: String, _ most: Int) -> String {
                String(
                    (0..<Int.random(in: 0...most, using: &random)).compactMap { _ in
                        letters.randomElement(using: &random)
                    }
                )
            }
            let pattern = text("ab/**", 8)
            let name = text("ab/", 10)
            let expected = Self.naive(Array(pattern.utf8)[...], Array(name.utf8)[...])
            matches += expected ? 1 : 0
            #expect(AccountPattern(pattern).matches(name) == expected, "\(pattern) on \(name), seed \(seed)")
        }
        #expect(matches > 500)
    }
}

@Suite struct ReadRuleTests {
    private static func rule(
        users: Set<UInt32> = [],
        groups: Set<UInt32> = [],
        _ accounts: [String],
        _ allow: Permissions
    ) -> AccessRule {
        AccessRule(users: users, groups: groups, accounts: accounts.map { AccountPattern($0) }, allow: allow)
    }

    private let rules = ReadRule(
        rules: [
            Self.rule(users: [1_000], ["gdrive/*"], .token),
            Self.rule(groups: [33], ["gdrive/bob", "box/*"], [.token, .read]),
            Self.rule(users: [1_000], ["box/*"], .refresh),
        ],
        masters: [0, 990]
    )

    @Test func `nothing is allowed that no rule allows`() {
        let stranger = self.rules.view(of: PeerIdentity(uid: 1_001, groups: [100]))
        #expect(!stranger.mayConnect)
        for (_, permission) in Permissions.words {
            #expect(!stranger.allows(permission, on: "gdrive/alice") && !stranger.allowsSome(permission))
        }
    }

    @Test func `a rule allows its words on its accounts to its users and groups`() {
        let user = self.rules.view(of: PeerIdentity(uid: 1_000, groups: [100]))
        #expect(user.mayConnect)
        #expect(user.allows(.token, on: "gdrive/alice"))
        #expect(!user.allows(.token, on: "box/alice"))
        #expect(!user.allows(.read, on: "gdrive/alice"))
        #expect(user.allows(.refresh, on: "box/alice"))
        #expect(!user.allows(.refresh, on: "gdrive/alice"))
        #expect(user.allowsSome(.refresh) && !user.allowsSome(.admin))

        let member = self.rules.view(of: PeerIdentity(uid: 5_000, groups: [33, 44]))
        #expect(member.allows(.read, on: "gdrive/bob") && !member.allows(.read, on: "gdrive/bobby"))
    }

    @Test func `what several rules allow adds up`() {
        let both = self.rules.view(of: PeerIdentity(uid: 1_000, groups: [33]))
        for permission in [Permissions.token, .read, .refresh] { #expect(both.allows(permission, on: "box/x")) }
        #expect(!both.allows(.write, on: "box/x"))
    }

    @Test func `masters may do everything, and a number of a user is none of a group`() {
        for uid: UInt32 in [0, 990] {
            let master = self.rules.view(of: PeerIdentity(uid: uid, groups: []))
            for (_, permission) in Permissions.words { #expect(master.allows(permission, on: "any/thing")) }
        }
        #expect(!self.rules.view(of: PeerIdentity(uid: 33, groups: [1_000, 0])).mayConnect)
    }

    @Test func `the overflow user is refused whatever the rules say`() {
        let open = ReadRule(
            rules: [Self.rule(users: [65_534], groups: [65_534], ["*"], .all)],
            masters: [65_534]
        )
        let nobody = open.view(of: PeerIdentity(uid: 65_534, groups: [65_534]))
        #expect(!nobody.mayConnect && !nobody.allows(.token, on: "a/b"))
    }

    @Test func `random rules agree with a naive reading of them (T2)`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let patterns = ["*", "a/*", "a/x", "b/*", "*/x", "a/*x*"]
        let names = ["a/x", "a/y", "b/x", "b/yx", "a/axb", "c/z"]
        func some(_ numbers: [UInt32]) -> Set<UInt32> { Set(numbers.filter { _ in Bool.random(using: &random) }) }
        for _ in 0..<2_000 {
            let rules = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                (
                    users: some([1, 2, 3]), groups: some([1, 2, 3]),
                    accounts: patterns.filter { _ in Int.random(in: 0..<3, using: &random) == 0 },
                    allow: Permissions.words.filter { _ in Bool.random(using: &random) }.map(\.permission)
                )
            }
            let readRule = ReadRule(
                rules: rules.map { Self.rule(users: $0.users, groups: $0.groups, $0.accounts, Permissions($0.allow)) },
                masters: [3]
            )
            let peer = PeerIdentity(uid: UInt32.random(in: 1...3, using: &random), groups: some([1, 2, 3]))
            let name = names.randomElement(using: &random) ?? "a/x"
            for (_, permission) in Permissions.words {
                var expected = peer.uid == 3
                for rule in rules {
                    let isMeant = rule.users.contains(peer.uid) || peer.groups.contains { rule.groups.contains($0) }
                    let isNamed = rule.accounts.contains { AccountPattern($0).matches(name) }
                    if isMeant && isNamed && rule.allow.contains(permission) { expected = true }
                }
                #expect(readRule.view(of: peer).allows(permission, on: name) == expected, "seed \(seed)")
            }
        }
    }

    @Test func `the words are those of the contract and make up everything`() {
        #expect(Permissions.words.map(\.word) == ["token", "read", "write", "refresh", "handoff", "watch", "admin"])
        #expect(Permissions(Permissions.words.map(\.permission)) == .all)
    }
}
