import NIOCore
import Testing
import Varlink

@Suite struct JSONValueTests {
    static let documents: [(text: String, value: JSONValue)] = [
        ("null", nil),
        (" true ", true),
        ("\t\r\n[ ]", []),
        ("{}", [:]),
        ("-0", 0),
        ("9223372036854775807", .int(.max)),
        ("-9223372036854775808", .int(.min)),
        ("9223372036854775808", .double(9_223_372_036_854_775_808)),
        ("1.5e2", 150.0),
        ("1E+2", 100.0),
        (#""a\"\\\/\b\f\n\r\té""#, "a\"\\/\u{8}\u{C}\n\r\té"),
        (#""\ud83d\ude00 \u0000""#, "😀 \u{0}"),
        (#"{"a":{"b":[1,{"c":null}]},"d":"é"}"#, ["a": ["b": [1, ["c": nil]]], "d": "é"]),
    ]

    @Test(arguments: documents)
    func `well-formed text is read`(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: Array(text.utf8)) == value)
    }

    @Test(arguments: documents)
    func `what is written is read back as the same value`(_: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: Array(value.text.utf8)) == value)
    }

    static let faults: [(text: String, error: JSONError)] = [
        ("", .unexpectedEnd),
        ("  ", .unexpectedEnd),
        ("{", .unexpectedEnd),
        ("[1", .unexpectedEnd),
        ("\"abc", .unexpectedEnd),
        ("\"\\", .unexpectedEnd),
        ("\"\\u12", .unexpectedEnd),
        ("tru", .unexpectedEnd),
        ("nul1", .unexpectedByte(at: 3)),
        ("{}{}", .unexpectedByte(at: 2)),
        ("{} \u{0}", .unexpectedByte(at: 3)),
        ("\u{FEFF}{}", .unexpectedByte(at: 0)),
        ("[1,]", .unexpectedByte(at: 3)),
        ("[,1]", .unexpectedByte(at: 1)),
        ("[1 2]", .unexpectedByte(at: 3)),
        ("{\"a\":1,}", .unexpectedByte(at: 7)),
        ("{a:1}", .unexpectedByte(at: 1)),
        ("{\"a\" 1}", .unexpectedByte(at: 5)),
        ("{\"a\":}", .unexpectedByte(at: 5)),
        ("// c\n{}", .unexpectedByte(at: 0)),
        ("NaN", .unexpectedByte(at: 0)),
        ("+1", .unexpectedByte(at: 0)),
        ("01", .invalidNumber(at: 0)),
        ("-", .invalidNumber(at: 0)),
        ("1.", .invalidNumber(at: 0)),
        (".5", .unexpectedByte(at: 0)),
        ("1e", .invalidNumber(at: 0)),
        ("1e999", .invalidNumber(at: 0)),
        ("\"\n\"", .invalidString(at: 1)),
        ("\"\u{0}\"", .invalidString(at: 1)),
        (#""\x""#, .invalidString(at: 1)),
        (#""\u12g4""#, .invalidString(at: 5)),
        (#""\ud800""#, .unexpectedByte(at: 7)),
        (#""\udc00""#, .invalidString(at: 1)),
        (#""\ud800\u0041""#, .invalidString(at: 1)),
        (#"{"a":1,"b":2,"a":3}"#, .duplicateMember("a", at: 13)),
        (#"{"a":1,"\u0061":3}"#, .duplicateMember("a", at: 7)),
    ]

    @Test(arguments: faults)
    func `text with a fault is refused with its place`(text: String, error: JSONError) {
        #expect(throws: error) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test(arguments: [[0xC0, 0x80], [0xFF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC3]] as [[UInt8]])
    func `a string that is no UTF-8 is refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.invalidString(at: 0)) { try JSONValue(parsing: [0x22] + bytes + [0x22]) }
        #expect(throws: JSONError.invalidString(at: 0)) {
            try JSONValue(parsing: Array(#""\n"#.utf8) + bytes + [0x22])
        }
    }

    @Test(arguments: ["[", "{\"a\":"])
    func `nesting is read to its limit and not a level deeper`(opening: String) throws {
        let closing = opening == "[" ? "]" : "}"
        func nested(_ depth: Int) -> [UInt8] {
            Array(
                (String(repeating: opening, count: depth - 1) + (opening == "[" ? "[]" : "{}")
                    + String(repeating: closing, count: depth - 1)).utf8
            )
        }
        _ = try JSONValue(parsing: nested(32))
        #expect(throws: JSONError.tooDeep(limit: 32)) { try JSONValue(parsing: nested(33)) }
        // Far beyond any stack: must stop at the limit, not at the end.
        #expect(throws: JSONError.tooDeep(limit: 32)) {
            try JSONValue(parsing: Array(String(repeating: opening, count: 1_000_000).utf8))
        }
    }

    @Test func `a doubled member is found among ten thousand`() throws {
        let members = (0..<10_000).map { "\"m\($0)\":0" }
        _ = try JSONValue(parsing: Array("{\(members.joined(separator: ","))}".utf8))
        #expect(throws: JSONError.self) {
            try JSONValue(parsing: Array("{\((members + ["\"m7\":1"]).joined(separator: ","))}".utf8))
        }
    }

    @Test func `what is written holds no byte below a space`() {
        let text = String(String.UnicodeScalarView((0..<0x80).compactMap(Unicode.Scalar.init)))
        #expect(!JSONValue.string(text).text.utf8.contains { $0 < 0x20 })
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `mutated documents are refused or read back the same`(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let alphabet = Array("{}[]\",:\\u0123e-+.tfn \u{0}\u{7F}".utf8) + [0xC3, 0xA9, 0xED, 0xA0, 0xFF]
        for _ in 0..<50 {
            var bytes = Array(Self.documents[Int.random(in: 0..<Self.documents.count, using: &random)].text.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0...bytes.count, using: &random)
                let byte = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                if place == bytes.count || Bool.random(using: &random) {
                    bytes.insert(byte, at: place)
                } else {
                    bytes[place] = byte
                }
            }
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            #expect(try JSONValue(parsing: Array(value.text.utf8)) == value, "seed \(seed), \(bytes)")
        }
    }
}

/// SplitMix64: small, and the same on every machine.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
