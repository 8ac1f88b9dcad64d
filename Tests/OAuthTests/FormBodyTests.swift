import RefreshCore
import Testing

@testable import OAuth

@Suite struct FormBodyTests {
    @Test func `the example of RFC 6749 appendix B comes out as it stands there`() {
        let text = "\u{20}%&+\u{A3}\u{20AC}"
        #expect(String(decoding: FormBody.encode(text.utf8), as: UTF8.self) == "+%25%26%2B%C2%A3%E2%82%AC")
    }

    @Test func `only unreserved characters stand for themselves`() {
        let unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
        #expect(FormBody.encode(unreserved.utf8) == Array(unreserved.utf8))
        for byte in UInt8.min...UInt8.max where !unreserved.utf8.contains(byte) {
            let encoded = String(decoding: FormBody.encode([byte]), as: UTF8.self)
            let hex = String(byte, radix: 16, uppercase: true)
            #expect(encoded == (byte == 0x20 ? "+" : "%" + (hex.count < 2 ? "0" : "") + hex))
        }
    }

    @Test func `parameters keep their order, and the first of one name wins`() {
        var body = FormBody()
        body.append("grant_type", "refresh_token")
        body.append("a b", "c&d=e")
        body.append("grant_type", "password")
        body.append("empty", "")
        #expect(String(decoding: body.bytes, as: UTF8.self) == "grant_type=refresh_token&a+b=c%26d%3De&empty=")
    }

    @Test func `random texts come back from a form as they went in`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<500 {
            var expected: [String: JSONValue] = [:]
            var body = FormBody()
            for index in 0..<Int.random(in: 1...6, using: &random) {
                let scalars = (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
                    Unicode.Scalar(UInt32.random(in: 0...0x2FFF, using: &random))
                }
                let value = String(String.UnicodeScalarView(scalars))
                expected["p\(index)"] = .string(value)
                body.append("p\(index)", value)
            }
            #expect(try FormBody.members(in: body.bytes) == expected, "seed \(seed)")
        }
    }

    @Test(
        arguments: [
            ("a=1&a=2", JSONFault.doubled), ("", .syntax), ("novalue", .syntax), ("a=%2", .syntax), ("a=%zz", .syntax),
            ("<html>a=b</html> x", .syntax), ("a=%FF", .encoding), ("a=\u{E9}", .syntax), ("a=1\nb=2", .syntax),
        ]
    )
    func `what is no form is refused`(text: String, fault: JSONFault) {
        #expect(throws: fault) { try FormBody.members(in: Array(text.utf8)) }
    }

    @Test func `a form of very many parameters is refused`() {
        let text = (0..<6_000).map { "p\($0)=1" }.joined(separator: "&")
        #expect(throws: JSONFault.tooLarge) { try FormBody.members(in: Array(text.utf8)) }
    }
}
