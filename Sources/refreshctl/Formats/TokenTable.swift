import Varlink

/// A table of tokens as text (RFC 4180), read line by line: the first names the columns, each later one is an account.
///
/// `account` and a token are needed; `issued_at` and `expires_at` are Unix seconds or moments of RFC 3339, `expires_in`
/// is in seconds. A column of another name is refused: it may be a slip in `refresh_token`, without which an account
/// could not be refreshed.
struct TokenTable: Sendable {
    private static let columns = [
        "account", "access_token", "refresh_token", "token_type", "scope", "issued_at", "expires_at", "expires_in",
    ]

    private let naming: AccountNaming
    private var names: [String]?
    /// A record that goes on, for a quoted field holds a line end; and where it began.
    private var pending: (text: [UInt8], line: Int)?

    init(_ naming: AccountNaming) {
        self.naming = naming
    }

    /// Takes the next line, without its end.
    ///
    /// - Parameters:
    ///   - line: Its bytes.
    ///   - number: The line's, from 1.
    ///   - now: Unix seconds.
    /// - Returns: Nil where no account ends.
    /// - Throws: `ImportLine.Fault` if the columns cannot be understood, and so nothing behind them.
    mutating func read(_ line: [UInt8], number: Int, now: Int64) throws(ImportLine.Fault) -> ForeignAccount? {
        var record = (text: line, line: number)
        if let pending = self.pending { record = (pending.text + [0x0A] + line, pending.line) }
        guard record.text.count <= ImportLine.maximumLength else {
            self.pending = nil
            let fault = ImportLine.Fault(reason: "the line is longer than \(ImportLine.maximumLength) bytes")
            return ForeignAccount(line: record.line, content: .failure(fault))
        }
        // Quotes come in pairs, those that stand for themselves too.
        guard record.text.count(where: { $0 == UInt8(ascii: "\"") }).isMultiple(of: 2) else {
            self.pending = record
            return nil
        }
        self.pending = nil
        guard record.text.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { return nil }
        guard let names = self.names else {
            self.names = try Self.names(Self.fields(record.text))
            return nil
        }
        let content = Result { () throws(ImportLine.Fault) in
            try self.line(Self.fields(record.text), names, now: now)
        }
        return ForeignAccount(line: record.line, content: content)
    }

    /// What is left at the end: a quote that was never closed.
    func end() -> ForeignAccount? {
        self.pending.map {
            ForeignAccount(line: $0.line, content: .failure(ImportLine.Fault(reason: "a quote is not closed")))
        }
    }

    private static func names(_ fields: [String]) throws(ImportLine.Fault) -> [String] {
        for (index, name) in fields.enumerated() {
            guard Self.columns.contains(name) else {
                throw ImportLine.Fault(
                    reason:
                        "column \(index + 1) of the first line is not one of \(Self.columns.joined(separator: ", "))"
                )
            }
            guard !fields[..<index].contains(name) else {
                throw ImportLine.Fault(reason: "the column \(name) stands twice")
            }
        }
        guard fields.contains("account") else { throw ImportLine.Fault(reason: "there is no column account") }
        guard fields.contains("access_token") || fields.contains("refresh_token") else {
            throw ImportLine.Fault(reason: "there is no column access_token or refresh_token")
        }
        if fields.contains("expires_in"), fields.contains("expires_at") {
            throw ImportLine.Fault(reason: "expires_in and expires_at together: leave one of the two columns out")
        }
        return fields
    }

    private func line(_ fields: [String], _ names: [String], now: Int64) throws(ImportLine.Fault) -> ImportLine {
        guard fields.count == names.count else {
            throw ImportLine.Fault(reason: "it has \(fields.count) fields, and the first line \(names.count)")
        }
        let values = Dictionary(uniqueKeysWithValues: zip(names, fields)).filter { !$0.value.isEmpty }
        let account = try self.naming.name(for: values["account"])
        func moment(_ name: String) throws(ImportLine.Fault) -> Int64? {
            guard let text = values[name] else { return nil }
            guard let moment = Int64(text) ?? InternetTime.seconds(text) else {
                throw ImportLine.Fault(
                    account: account,
                    reason: "\(name) is neither Unix seconds nor a moment of RFC 3339"
                )
            }
            return moment
        }
        var token = ForeignToken()
        token.accessToken = values["access_token"].map { .string($0) }
        token.refreshToken = values["refresh_token"].map { .string($0) }
        token.tokenType = values["token_type"].map { .string($0) }
        token.scope = values["scope"].map { .string($0) }
        let issuedAt = try moment("issued_at")
        if let end = try moment("expires_at") {
            token.expiry = .at(end)
            var line = try token.line(for: account, now: now)
            // Known better than by what is left of the token's life.
            if let issuedAt, issuedAt < end, issuedAt <= now, line.token["access_token"] != nil {
                line.token["expires_in"] = .int(end - issuedAt)
                line.issuedAt = issuedAt
            }
            return line
        }
        var line = try token.line(for: account, now: now)
        line.token["expires_in"] = values["expires_in"].map { .string($0) }
        return try ImportLine(checking: account, token: line.token, issuedAt: issuedAt)
    }

    /// The fields of a record whose quotes are in pairs.
    private static func fields(_ record: [UInt8]) throws(ImportLine.Fault) -> [String] {
        // Some programs begin the file with a mark that says it is UTF-8.
        var rest = record.starts(with: [0xEF, 0xBB, 0xBF]) ? record[3...] : record[...]
        var fields: [String] = []
        while true {
            var field: [UInt8] = []
            if rest.first == UInt8(ascii: "\"") {
                rest = rest.dropFirst()
                while let byte = rest.popFirst() {
                    if byte == UInt8(ascii: "\"") {
                        guard rest.first == byte else { break }
                        rest = rest.dropFirst()
                    }
                    field.append(byte)
                }
                guard rest.isEmpty || rest.first == UInt8(ascii: ",") else {
                    throw ImportLine.Fault(reason: "something follows a closing quote")
                }
            } else {
                field = Array(rest.prefix { $0 != UInt8(ascii: ",") })
                rest = rest.dropFirst(field.count)
                guard !field.contains(UInt8(ascii: "\"")) else {
                    throw ImportLine.Fault(reason: "a quote stands within a field")
                }
            }
            guard let text = String(validating: field, as: UTF8.self) else {
                throw ImportLine.Fault(reason: "it is not UTF-8")
            }
            fields.append(text)
            guard rest.popFirst() != nil else { return fields }
        }
    }
}
