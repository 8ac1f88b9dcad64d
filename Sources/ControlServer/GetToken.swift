import ControlAPI
import NIOCore
import RefreshCore
import RefreshEngine
import Varlink

// The hot path, whole: from the bytes of a call to the bytes of its answer on one event loop, without an actor, an
// `await` or a JSON codec. Whatever it does not recognize goes the general way, and gets the same bytes there.
extension CallRouter {
    /// The token that a plain `GetToken` asks for, if it is there, lives for long enough and may be given to this caller.
    ///
    /// - Parameters:
    ///   - frame: One message without its NUL.
    ///   - caller: Who asks.
    /// - Returns: Nil also for a token that the caller may not have: the refusal is made in one place, where it is the
    ///   same as for an account that does not exist.
    func tokenAtOnce(_ frame: ByteBuffer, for caller: Caller) -> RenderedToken? {
        let bytes = frame.readableBytesUInt8Span
        guard let call = PlainGetToken(bytes) else { return nil }
        let name = bytes.extracting(call.account)
        guard let token = self.engine.table.token(AccountID.fingerprint(of: name), named: name),
            token.lives(max(Engine.leastLife, .seconds(call.minValid)), from: self.engine.clock.now),
            caller.mayHaveToken(of: token.account)
        else { return nil }
        self.engine.counters.tokensServed.count()
        return token
    }

    /// The general way: waits for a refresh when the present token will not do.
    func getToken(_ call: IncomingCall) throws(Refusal) -> Handling {
        let minimum = call.arguments["min_valid"]?.int
        let account = try self.account(call, .token)
        guard minimum ?? 0 >= 0 else { throw .varlink(.invalidParameter("min_valid")) }
        return self.work(.looks, call) { router in
            let token = try await router.engine.token(for: account, atLeast: minimum.map { .seconds($0) })
            router.engine.counters.tokensServed.count()
            return ByteBuffer(bytes: token.reply)
        }
    }
}

/// `{"method":"org.refreshd.Control.GetToken","parameters":{"account":"…","min_valid":60}}`, and nothing else.
///
/// Members in any order and with any white space; no escapes, no member twice, none that is unknown. Whether the name
/// is an account's, or text at all, is found out by the comparison with those in the table.
struct PlainGetToken: Hashable, Sendable {
    /// Where the account's name is, from the start of the message.
    private(set) var account: Range<Int>
    /// Seconds; 0 when the call names none.
    private(set) var minValid: Int

    /// - Returns: Nil for every other message, well formed or not.
    init?(_ bytes: Span<UInt8>) {
        var scanner = Scanner()
        var isGetToken = false
        var arguments: (account: Range<Int>, minValid: Int)?
        guard scanner.take("{", in: bytes) else { return nil }
        repeat {
            guard let name = scanner.string(in: bytes), scanner.take(":", in: bytes) else { return nil }
            if scanner.text(name, is: Self.methodMember, in: bytes), !isGetToken {
                guard let method = scanner.string(in: bytes), scanner.text(method, is: Self.method, in: bytes) else {
                    return nil
                }
                isGetToken = true
            } else if scanner.text(name, is: Self.parametersMember, in: bytes), arguments == nil {
                guard let found = Self.arguments(&scanner, bytes) else { return nil }
                arguments = found
            } else {
                return nil
            }
        } while scanner.take(",", in: bytes)
        guard scanner.take("}", in: bytes), scanner.isAtEnd(of: bytes), isGetToken, let arguments else { return nil }
        self.account = arguments.account
        self.minValid = arguments.minValid
    }

    private static func arguments(_ scanner: inout Scanner, _ bytes: Span<UInt8>) -> (Range<Int>, Int)? {
        var account: Range<Int>?
        var minValid: Int?
        guard scanner.take("{", in: bytes) else { return nil }
        repeat {
            guard let name = scanner.string(in: bytes), scanner.take(":", in: bytes) else { return nil }
            if scanner.text(name, is: Self.accountMember, in: bytes), account == nil {
                account = scanner.string(in: bytes)
                guard account != nil else { return nil }
            } else if scanner.text(name, is: Self.minValidMember, in: bytes), minValid == nil {
                minValid = scanner.number(in: bytes)
                guard minValid != nil else { return nil }
            } else {
                return nil
            }
        } while scanner.take(",", in: bytes)
        guard scanner.take("}", in: bytes), let account else { return nil }
        return (account, minValid ?? 0)
    }

    private static let methodMember = Array("method".utf8)
    private static let parametersMember = Array("parameters".utf8)
    private static let accountMember = Array("account".utf8)
    private static let minValidMember = Array("min_valid".utf8)
    private static let method = Array(Call.GetToken.fullMethod.utf8)
}

/// Reads tokens of JSON from bytes that somebody else holds; every function begins by passing over white space.
private struct Scanner {
    private var position = 0

    private mutating func passSpace(in bytes: Span<UInt8>) {
        while self.position < bytes.count {
            switch bytes[self.position] {
            case 0x20, 0x09, 0x0A, 0x0D: self.position += 1
            default: return
            }
        }
    }

    mutating func take(_ character: Unicode.Scalar, in bytes: Span<UInt8>) -> Bool {
        self.passSpace(in: bytes)
        guard self.position < bytes.count, bytes[self.position] == UInt8(ascii: character) else { return false }
        self.position += 1
        return true
    }

    /// Where the text between two quotes is; nil when an escape or a control character is in it.
    mutating func string(in bytes: Span<UInt8>) -> Range<Int>? {
        guard self.take("\"", in: bytes) else { return nil }
        let start = self.position
        while self.position < bytes.count {
            switch bytes[self.position] {
            case UInt8(ascii: "\""):
                self.position += 1
                return start..<(self.position - 1)
            case UInt8(ascii: "\\"), 0..<0x20:
                return nil
            default:
                self.position += 1
            }
        }
        return nil
    }

    /// A number of at most nine digits, without sign, fraction or exponent.
    mutating func number(in bytes: Span<UInt8>) -> Int? {
        self.passSpace(in: bytes)
        let start = self.position
        var value = 0
        while self.position < bytes.count, self.position - start < 9,
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[self.position])
        {
            value = value * 10 + Int(bytes[self.position] - UInt8(ascii: "0"))
            self.position += 1
        }
        // JSON has no leading zeros; what follows a longer number is refused by whoever asks for the next character.
        guard self.position > start, bytes[start] != UInt8(ascii: "0") || self.position == start + 1 else { return nil }
        return value
    }

    func text(_ range: Range<Int>, is expected: [UInt8], in bytes: Span<UInt8>) -> Bool {
        guard range.count == expected.count else { return false }
        for index in expected.indices where bytes[range.lowerBound + index] != expected[index] { return false }
        return true
    }

    mutating func isAtEnd(of bytes: Span<UInt8>) -> Bool {
        self.passSpace(in: bytes)
        return self.position == bytes.count
    }
}
