import RefreshCore

extension AccessRule {
    /// Reads one `[[access]]`; nil, with a report, if it is no rule.
    ///
    /// - Parameters:
    ///   - table: Its keys.
    ///   - clientNames: Of the clients that are configured, to warn of patterns that cannot match.
    init?(_ table: TableReader, clientNames: Set<String>) {
        let environment = table.findings.environment
        let users = table.principals("users", kind: "user", lookUp: environment.userNumber)
        let groups = table.principals("groups", kind: "group", lookUp: environment.groupNumber)
        if !table.names("users"), !table.names("groups") {
            table.findings.report(table.place, "names nobody", "add users, groups or both")
        }
        let accounts = table.patterns(clientNames: clientNames)
        let allow = table.permissions()
        table.finish()
        guard let accounts, let allow else { return nil }
        self.init(users: users, groups: groups, accounts: accounts, allow: allow)
    }
}

extension TableReader {
    // Nobody's: what the kernel says of users it has no number for, and what system calls mean by "leave as it is".
    private static let overflow = 65_534
    private static let numbers = 0...4_294_967_294

    /// Whether the key says anything at all, rightly or not.
    fileprivate func names(_ key: String) -> Bool { self.list(key).map { !$0.isEmpty } ?? self.has(key) }

    /// Users or groups, by name or number.
    fileprivate func principals(
        _ key: String,
        kind: String,
        lookUp: @Sendable (String) -> UInt32?
    ) -> Set<UInt32> {
        Set((self.list(key) ?? []).compactMap { self.principal($0, kind: kind, lookUp: lookUp) })
    }

    /// One user or group, by name or number; nil, with a report, for what is none.
    func principal(_ item: ConfigurationNode, kind: String, lookUp: @Sendable (String) -> UInt32?) -> UInt32? {
        let number: Int
        switch item.content {
        case .integer(let value): number = value
        case .string(let name):
            // A name wins over a number that looks the same, as it does for chown.
            if let found = lookUp(name) {
                number = Int(found)
            } else if let value = Int(name), !name.hasPrefix("+") {
                number = value
            } else {
                self.findings.report(
                    item.place,
                    "there is no \(kind) of this name",
                    "create the \(kind), correct the name, or write a number"
                )
                return nil
            }
        case .number, .boolean, .moment, .list, .table:
            self.findings.report(
                item.place,
                "is \(item.kind), but must be the name or number of a \(kind)",
                "write a name in quotes, or a number"
            )
            return nil
        }
        guard Self.numbers.contains(number), let short = UInt32(exactly: number) else {
            self.findings.report(item.place, "is out of range", "use 0 to \(Self.numbers.upperBound)")
            return nil
        }
        guard number != Self.overflow else {
            self.findings.report(
                item.place,
                "stands for every \(kind) that has no number here",
                "name the one that is meant"
            )
            return nil
        }
        return short
    }

    fileprivate func patterns(clientNames: Set<String>) -> [AccountPattern]? {
        guard let items = self.texts("accounts"), !items.isEmpty else {
            if self.list("accounts")?.isEmpty ?? !self.has("accounts") {
                self.report("accounts", "names no account", "write names or patterns, like \"gdrive/*\"")
            }
            return nil
        }
        return items.map { text, place in
            let client = text.prefix { $0 != "/" }
            if text.utf8.count > 255 {
                self.findings.report(place, "is longer than any account's name", "use at most 255 bytes")
            } else if !client.contains("*") {
                if client.endIndex == text.endIndex {
                    self.findings.report(place, "can match no account", "write CLIENT/SUBJECT, like \"gdrive/*\"")
                } else if !clientNames.contains(String(client)) {
                    self.findings.warn(place, "matches nothing, for there is no such client")
                }
            }
            return AccountPattern(text)
        }
    }

    fileprivate func permissions() -> Permissions? {
        guard let items = self.texts("allow"), !items.isEmpty else {
            if self.list("allow")?.isEmpty ?? !self.has("allow") {
                let words = Permissions.words.map(\.word).joined(separator: ", ")
                self.report("allow", "allows nothing", "use some of \(words)")
            }
            return nil
        }
        var permissions: Permissions = []
        for (text, place) in items {
            guard let permission = Permissions.words.first(where: { $0.word == text })?.permission else {
                let words = Vocabulary(Permissions.words.map(\.word))
                self.findings.report(place, "is not a word that is known here", words.remedy(for: text))
                continue
            }
            permissions.insert(permission)
        }
        return permissions
    }
}
