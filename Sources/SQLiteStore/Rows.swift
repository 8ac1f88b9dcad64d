import FoundationEssentials
import GRDB
import RefreshCore

// Column ↔ value, in one place. A value that cannot be read is an error of its account; the library's subscripts would
// end the process.

extension StoredAccount {
    /// Reads a row of the columns that `accounts(after:limit:)` selects, in their order.
    init(_ row: Row, _ scopes: inout ScopeTexts) throws(StoreError) {
        let account = try Self.name(row.value(0, of: nil))
        self.init(
            account: account,
            profile: try row.value(1, of: account),
            standing: try row.word(2, of: account),
            isPaused: try row.value(3, of: account),
            generation: Generation(try row.value(4, of: account)),
            revision: Revision(try row.value(5, of: account)),
            facts: try TokenFacts(row, at: 6, of: account, &scopes),
            sealedToken: try row.sealedBytes(17, of: account),
            dueAt: try row.moment(11, of: account),
            failure: try Failure(row, at: 12, of: account),
            doubt: try Doubt(row, at: 18, of: account),
            deliveries: []
        )
    }

    static func name(_ text: String) throws(StoreError) -> AccountID {
        do {
            return try AccountID(text)
        } catch {
            throw .corrupt(nil, detail: "a row whose name is none: \(error)")
        }
    }
}

extension TokenFacts {
    /// Reads five columns: `token_type, scope, issued_at, expires_at, grant_expires_at`.
    init(_ row: Row, at index: Int, of account: AccountID, _ scopes: inout ScopeTexts) throws(StoreError) {
        self.init(
            tokenType: try row.value(index, of: account),
            scope: scopes.list(try row.value(index + 1, of: account)),
            issuedAt: Timestamp(milliseconds: try row.value(index + 2, of: account)),
            expiresAt: try row.moment(index + 3, of: account),
            grantExpiresAt: try row.moment(index + 4, of: account)
        )
    }

    /// The scope as one text: no scope token is empty or has a space in it (RFC 6749 §3.3).
    var scopeText: String { self.scope.joined(separator: " ") }
}

/// The lists behind the scope texts of one page.
///
/// Most accounts of a client have the same scope. Those of a page share one list in memory, which is taken apart once.
struct ScopeTexts {
    private var last: (text: String, list: [String]) = ("", [])
    private var lists: [String: [String]] = [:]

    mutating func list(_ text: String) -> [String] {
        // Accounts of one client follow each other: most often nothing need be looked up.
        if text == self.last.text { return self.last.list }
        let list = self.lists[text] ?? text.split(separator: " ").map(String.init)
        self.lists[text] = list
        self.last = (text, list)
        return list
    }
}

extension Failure {
    /// Reads five columns: `failure_cause, failure_message, failure_at, failure_retry_at, failure_count`.
    ///
    /// - Returns: Nil when there is no cause.
    init?(_ row: Row, at index: Int, of account: AccountID) throws(StoreError) {
        guard let cause: Cause = try row.wordIfPresent(index, of: account) else { return nil }
        self.init(
            cause: cause,
            message: try row.value(index + 1, of: account),
            at: Timestamp(milliseconds: try row.value(index + 2, of: account)),
            retryAt: try row.moment(index + 3, of: account),
            count: try row.value(index + 4, of: account)
        )
    }
}

extension Doubt {
    /// Reads two columns: `unknowns, unknown_since`.
    ///
    /// - Returns: Nil when there are no unknowns.
    init?(_ row: Row, at index: Int, of account: AccountID) throws(StoreError) {
        let unknowns: Int = try row.value(index, of: account)
        guard unknowns > 0 else { return nil }
        self.init(unknowns: unknowns, since: Timestamp(milliseconds: try row.value(index + 1, of: account)))
    }
}

extension Delivery {
    /// Reads a row of the columns that `accounts(after:limit:)` selects of the outbox, in their order.
    init(_ row: Row, of account: AccountID) throws(StoreError) {
        let accepted: Int64? = try row.value(4, of: account)
        self.init(
            account: account,
            sink: try Self.sink(row.value(1, of: account), of: account),
            state: try row.word(2, of: account),
            generation: Generation(try row.value(3, of: account)),
            accepted: accepted.map { Generation($0) },
            at: Timestamp(milliseconds: try row.value(5, of: account)),
            failure: try Failure(row, at: 6, of: account)
        )
    }

    private static func sink(_ name: String, of account: AccountID) throws(StoreError) -> SinkID {
        do {
            return try SinkID(name)
        } catch {
            throw .corrupt(account, detail: "a delivery to a sink whose name is none")
        }
    }
}

extension Row {
    /// - Throws: `StoreError.corrupt` for a NULL where there must be a value.
    func value<Value: DatabaseValueConvertible & StatementColumnConvertible>(
        _ index: Int,
        of account: AccountID?
    ) throws(StoreError) -> Value {
        do {
            return try self.decode(Value.self, atIndex: index)
        } catch {
            throw .corrupt(account, detail: "no value in column \(index)")
        }
    }

    func sealedBytes(_ index: Int, of account: AccountID) throws(StoreError) -> SealedBytes {
        // Copied once, out of the library's own memory.
        let bytes = try? self.withUnsafeData(atIndex: index) { $0.map { [UInt8]($0) } }
        guard let bytes else { throw .corrupt(account, detail: "no value in column \(index)") }
        return SealedBytes(bytes)
    }

    func moment(_ index: Int, of account: AccountID) throws(StoreError) -> Timestamp? {
        let milliseconds: Int64? = try self.value(index, of: account)
        return milliseconds.map { Timestamp(milliseconds: $0) }
    }

    /// A word of a closed list.
    ///
    /// - Throws: `StoreError.corrupt` for a word that is not on it.
    func word<Word: RawRepresentable<String>>(_ index: Int, of account: AccountID) throws(StoreError) -> Word {
        guard let word: Word = try self.wordIfPresent(index, of: account) else {
            throw .corrupt(account, detail: "no value in column \(index)")
        }
        return word
    }

    func wordIfPresent<Word: RawRepresentable<String>>(_ index: Int, of account: AccountID) throws(StoreError) -> Word?
    {
        let text: String? = try self.value(index, of: account)
        guard let text else { return nil }
        guard let word = Word(rawValue: text) else { throw .corrupt(account, detail: "an unknown \(Word.self)") }
        return word
    }
}

/// The values of one statement, in the order of its question marks.
struct Arguments {
    private var values: [(any DatabaseValueConvertible)?] = []

    mutating func add(_ value: (any DatabaseValueConvertible)?) { self.values.append(value) }
    mutating func add(_ moment: Timestamp?) { self.values.append(moment?.milliseconds) }
    /// At least one byte, as everything sealed has: the library binds no bytes as NULL.
    mutating func add(_ sealed: SealedBytes) { self.values.append(Data(sealed.bytes)) }

    /// Five values: `failure_cause, failure_message, failure_at, failure_retry_at, failure_count`.
    mutating func add(_ failure: Failure?) {
        self.add(failure?.cause.rawValue)
        self.add(failure?.message)
        self.add(failure?.at)
        self.add(failure?.retryAt)
        self.add(failure?.count)
    }

    /// Two values: `unknowns, unknown_since`.
    mutating func add(_ doubt: Doubt?) {
        self.add(doubt?.unknowns ?? 0)
        self.add(doubt?.since)
    }

    /// Seven values: `token_type, scope, issued_at, expires_at, grant_expires_at, sealed_token, sealed_grant`.
    mutating func add(_ renewal: Renewal) {
        self.add(renewal.facts.tokenType)
        self.add(renewal.facts.scopeText)
        self.add(renewal.facts.issuedAt)
        self.add(renewal.facts.expiresAt)
        self.add(renewal.facts.grantExpiresAt)
        self.add(renewal.sealedToken)
        self.add(renewal.sealedGrant)
    }

    var statementArguments: StatementArguments { StatementArguments(self.values) }
}
