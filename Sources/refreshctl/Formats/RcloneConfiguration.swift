import Varlink

/// rclone's configuration: sections of `key = value`, those of OAuth providers with `token = {…}`.
enum RcloneConfiguration {
    /// One `[NAME]` and what is under it.
    private struct Section {
        var name: String
        /// Where it begins, counted from 1.
        var line: Int
        var values: [String: String] = [:]
    }

    /// The accounts of a file, in their order.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - naming: One name for one account, or a client whose subjects are the sections' names.
    ///   - only: The sections that are meant; empty: all that have a token.
    ///   - now: Unix seconds.
    /// - Returns: One or more; what is wrong with one of them stands in its place.
    /// - Throws: `ImportLine.Fault` for a file of which nothing should be taken.
    static func accounts(
        in bytes: [UInt8],
        _ naming: AccountNaming,
        only: [String],
        now: Int64
    ) throws(ImportLine.Fault) -> [ForeignAccount] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ImportLine.Fault(reason: "it is not UTF-8")
        }
        if text.split(whereSeparator: \.isNewline).contains(where: { $0.hasPrefix("RCLONE_ENCRYPT_V") }) {
            throw ImportLine.Fault(
                reason: "the configuration is encrypted; write it out with 'rclone config show > FILE' and import that"
            )
        }
        var sections = Self.sections(of: text).filter { $0.values["token"]?.isEmpty == false }
        if !only.isEmpty {
            if let missing = only.first(where: { name in !sections.contains { $0.name == name } }) {
                throw ImportLine.Fault(reason: "there is no section \(missing.escaped) with a token")
            }
            sections = sections.filter { only.contains($0.name) }
        }
        guard let first = sections.first else { throw ImportLine.Fault(reason: "no section has a token") }
        if case .one = naming, sections.count > 1 {
            throw ImportLine.Fault(
                reason:
                    "\(sections.count) sections have a token; name one with --section, or their client with --client"
            )
        }
        // The tokens of one provider would be sent to another.
        if only.isEmpty, sections.contains(where: { $0.values["type"] != first.values["type"] }) {
            throw ImportLine.Fault(
                reason: "its sections are of different types; name those of one client with --section"
            )
        }
        return sections.map { Self.account(of: $0, naming, now: now) }
    }

    private static func account(of section: Section, _ naming: AccountNaming, now: Int64) -> ForeignAccount {
        let clientID = section.values["client_id"].flatMap { $0.isEmpty ? nil : $0 }
        let content = Result { () throws(ImportLine.Fault) in
            let account = try naming.name(for: section.name)
            do throws(ImportLine.Fault) {
                return try Self.token(of: section, clientID: clientID).line(for: account, now: now)
            } catch {
                throw ImportLine.Fault(account: account, reason: error.reason)
            }
        }
        let note =
            clientID == nil
            ? "\(section.name.escaped): authorized with rclone's own client id, and can be refreshed with that one only"
            : nil
        return ForeignAccount(line: section.line, content: content, note: note)
    }

    private static func token(of section: Section, clientID: String?) throws(ImportLine.Fault) -> ForeignToken {
        let members = try ImportLine.object(Array((section.values["token"] ?? "").utf8))
        var token = ForeignToken()
        token.accessToken = members["access_token"]
        token.refreshToken = members["refresh_token"]
        token.tokenType = members["token_type"]
        token.clientID = clientID
        if let expiry = members["expiry"]?.string, !expiry.isEmpty {
            guard let moment = InternetTime.seconds(expiry) else {
                throw ImportLine.Fault(reason: "'expiry' is not a moment of RFC 3339")
            }
            // The year 1 is how Go writes that there is no such moment.
            token.expiry = moment < 0 ? .never : .at(moment)
        }
        return token
    }

    private static func sections(of text: String) -> [Section] {
        var sections: [Section] = []
        var number = 0
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            let line = Self.trimmed(line)
            guard let first = line.first, first != "#", first != ";" else { continue }
            if first == "[", line.last == "]" {
                sections.append(Section(name: String(line.dropFirst().dropLast()), line: number))
            } else if let equals = line.firstIndex(of: "="), !sections.isEmpty {
                let name = Self.trimmed(line[..<equals])
                let value = Self.trimmed(line[line.index(after: equals)...])
                sections[sections.count - 1].values[String(name)] = String(value)
            }
        }
        return sections
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let tail = text.drop { $0 == " " || $0 == "\t" }
        let length = tail.reversed().drop { $0 == " " || $0 == "\t" }.count
        return tail.prefix(length)
    }
}
