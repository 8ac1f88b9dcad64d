import NIOCore
import Varlink

/// One line of an import file: an account and the token endpoint's answer that it begins with.
///
/// A line is taken as a whole or refused with one reason, before anything is sent. No reason holds a value of the token,
/// nor anything else that stands where a token might by mistake.
struct ImportLine: Hashable, Sendable {
    var account: AccountName
    /// The answer as it stands in the line.
    var token: JSONObject
    /// Unix seconds; `nil`: the time of the import.
    var issuedAt: Int64?

    /// The longest line in bytes.
    ///
    /// The daemon reads messages of 64 KiB, of which the call around the line takes a little.
    static let maximumLength = 63 * 1_024

    /// Why a line is refused.
    struct Fault: Error, Hashable, Sendable {
        /// The account's name, if the line got so far as to have a good one.
        var account: AccountName?
        /// Safe on a terminal, without a line end.
        var reason: String
    }

    /// Reads a line, without its end.
    init(parsing bytes: [UInt8]) throws(Fault) {
        guard bytes.count <= Self.maximumLength else {
            throw Fault(reason: "the line is longer than \(Self.maximumLength) bytes")
        }
        let members = try Self.object(bytes)
        if let other = members.names.first(where: { !["account", "token", "issued_at"].contains($0) }) {
            throw Fault(
                reason:
                    "\(Self.quoted(other)) is not a member of an import line; these are 'account', 'token' and 'issued_at'"
            )
        }
        let account = try Self.account(members["account"])
        do throws(TokenFault) {
            self.account = account
            self.token = try Self.token(members["token"])
            self.issuedAt = try Self.issuedAt(members["issued_at"])
        } catch {
            throw Fault(account: account, reason: error.reason)
        }
    }

    /// Makes a line of what another program's file says, under the same rules.
    init(checking account: AccountName, token: JSONObject, issuedAt: Int64? = nil) throws(Fault) {
        guard token.encoded.readableBytes <= Self.maximumLength else {
            throw Fault(account: account, reason: "the token is longer than \(Self.maximumLength) bytes")
        }
        do throws(TokenFault) {
            _ = try Self.token(.object(token))
            self.init(account: account, token: token, issuedAt: try Self.issuedAt(issuedAt.map { .int($0) }))
        } catch {
            throw Fault(account: account, reason: error.reason)
        }
    }

    init(account: AccountName, token: JSONObject, issuedAt: Int64? = nil) {
        self.account = account
        self.token = token
        self.issuedAt = issuedAt
    }

    /// The call that imports the line.
    var arguments: JSONObject {
        var arguments: JSONObject = ["account": .string(self.account.text), "token": .object(self.token)]
        if let issuedAt = self.issuedAt { arguments["issued_at"] = .int(issuedAt) }
        return arguments
    }

    // MARK: Members

    /// Reads a token endpoint's answer that stands alone, as `refreshctl add` is given it.
    static func token(parsing bytes: [UInt8]) throws(Fault) -> JSONObject {
        guard bytes.count <= Self.maximumLength else {
            throw Fault(reason: "the token is longer than \(Self.maximumLength) bytes")
        }
        let object = try Self.object(bytes)
        do throws(TokenFault) {
            return try Self.token(.object(object))
        } catch {
            throw Fault(reason: error.reason)
        }
    }

    /// Reads one JSON object; the fault holds nothing of it.
    static func object(_ bytes: [UInt8]) throws(Fault) -> JSONObject {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw Fault(reason: Self.reason(error))
        }
        guard let object = value.object else { throw Fault(reason: "expected one JSON object, found \(value.kind)") }
        return object
    }

    private static func account(_ value: JSONValue?) throws(Fault) -> AccountName {
        guard let value else { throw Fault(reason: "'account' is missing") }
        guard let text = value.string else { throw Fault(reason: "'account' must be a string, not \(value.kind)") }
        do throws(AccountName.Fault) {
            return try AccountName(checking: text)
        } catch {
            // The name is not repeated: it may be a token that slipped into the wrong place.
            throw Fault(reason: "'account' \(error.reason)")
        }
    }

    private static func token(_ value: JSONValue?) throws(TokenFault) -> JSONObject {
        guard let value else { throw TokenFault("'token' is missing") }
        guard let token = value.object else { throw TokenFault("'token' must be an object, not \(value.kind)") }
        if token["access_token"] == nil, token["error"] != nil {
            throw TokenFault("'token' holds the provider's refusal, not a token")
        }
        let refresh = token["refresh_token"] == .null ? Optional.none : token["refresh_token"]
        // A refresh token alone will do: it is spent for the first access token as soon as it is in.
        if let access = token["access_token"] {
            try Self.secret(access, "access_token")
        } else if refresh == nil {
            throw TokenFault("'token.access_token' is missing")
        }
        if let refresh { try Self.secret(refresh, "refresh_token") }
        if let type = token["token_type"], type != .null, type.string == nil {
            throw TokenFault("'token.token_type' must be a string, not \(type.kind)")
        }
        switch token["expires_in"] {
        case nil, .null: break
        // Some providers send the number as text.
        case .string(let text)? where !text.isEmpty && text.utf8.allSatisfy({ (0x30...0x39).contains($0) }): break
        case .string?: throw TokenFault("'token.expires_in' must be a number of seconds, not other text")
        case .int(let seconds)? where seconds >= 0: break
        case .double(let seconds)? where seconds >= 0: break
        case .int?, .double?: throw TokenFault("'token.expires_in' must not be negative")
        case let other?: throw TokenFault("'token.expires_in' must be a number of seconds, not \(other.kind)")
        }
        switch token["scope"] {
        case nil, .null, .string: break
        case .array(let words)? where words.allSatisfy({ $0.string != nil }): break
        case .array?: throw TokenFault("'token.scope' must hold strings only")
        case let other?: throw TokenFault("'token.scope' must be a string, not \(other.kind)")
        }
        return token
    }

    private static func secret(_ value: JSONValue, _ name: String) throws(TokenFault) {
        guard let text = value.string else { throw TokenFault("'token.\(name)' must be a string, not \(value.kind)") }
        guard !text.isEmpty else { throw TokenFault("'token.\(name)' is empty") }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw TokenFault("'token.\(name)' holds a control character")
        }
    }

    private static func issuedAt(_ value: JSONValue?) throws(TokenFault) -> Int64? {
        guard let value, value != .null else { return nil }
        guard case .int(let seconds) = value else {
            throw TokenFault(
                "'issued_at' must be whole Unix seconds, not \(value.double == nil ? value.kind : "a fraction")"
            )
        }
        guard seconds >= 0 else { throw TokenFault("'issued_at' must not be negative") }
        // In seconds the year 5138; in milliseconds any day since 1973.
        guard seconds < 100_000_000_000 else {
            throw TokenFault("'issued_at' must be in seconds; this looks like milliseconds")
        }
        return seconds
    }

    // MARK: Words

    private struct TokenFault: Error {
        var reason: String

        init(_ reason: String) {
            self.reason = reason
        }
    }

    private static func reason(_ error: JSONError) -> String {
        switch error {
        case .unexpectedEnd: "not JSON: the text ends too early"
        case .unexpectedByte(let place): "not JSON: unexpected character at byte \(place + 1)"
        case .invalidString(let place): "not JSON: broken string at byte \(place + 1)"
        case .invalidNumber(let place): "not JSON: broken number at byte \(place + 1)"
        case .tooDeep(let limit): "nested more than \(limit) deep"
        case .duplicateMember(let name, let place): "\(Self.quoted(name)) stands twice, again at byte \(place + 1)"
        }
    }

    /// A member's name, if it looks like one; a token that stands in its place does not.
    static func quoted(_ name: String) -> String {
        let looksLikeName =
            name.utf8.count <= 24
            && name.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || byte == UInt8(ascii: "_")
            }
        return looksLikeName && !name.isEmpty ? "'\(name)'" : "a member"
    }
}

extension JSONValue {
    fileprivate var double: Double? {
        guard case .double(let value) = self else { return nil }
        return value
    }
}
