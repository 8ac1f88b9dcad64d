@testable import ControlServer
import NIOCore
import TestSupport
import Testing
import Varlink

@Suite struct PlainGetTokenTests {
    /// Spells one call in one of the ways that the scanner knows.
    static func spelling(account: String, minValid: Int?, _ random: inout SeededGenerator) -> String {
        func space() -> String {
            String(
                (0..<Int.random(in: 0...2, using: &random)).map { _ in " \t\n\r".randomElement(using: &random) ?? " " }
            )
        }
        func member(_ name: String, _ value: String) -> String {
            "\(space())\"\(name)\"\(space()):\(space())\(value)\(space())"
        }
        var arguments = [member("account", "\"\(account)\"")]
        if let minValid { arguments.append(member("min_valid", "\(minValid)")) }
        arguments.shuffle(using: &random)
        var members = [
            member("method", #""org.refreshd.Control.GetToken""#),
            member("parameters", "{\(arguments.joined(separator: ","))}"),
        ]
        members.shuffle(using: &random)
        return "\(space()){\(members.joined(separator: ","))}\(space())"
    }

    static func scan(_ bytes: [UInt8]) -> (name: [UInt8], minValid: Int)? {
        // Something in front, for the frame is a slice of what was read.
        var buffer = ByteBuffer(bytes: [1, 2, 3] + bytes)
        buffer.moveReaderIndex(forwardBy: 3)
        guard let call = PlainGetToken(buffer.readableBytesUInt8Span) else { return nil }
        return (Array(bytes[call.account]), call.minValid)
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `every plain spelling is read as the general parser reads it`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let account =
                ["gdrive/a@b.example", "box/ü€😀", "a/b", "box/a b/c:{}[],"].randomElement(using: &random) ?? ""
            let minValid = [nil, 0, 7, 60, 999_999_999].randomElement(using: &random) ?? nil
            let text = Self.spelling(account: account, minValid: minValid, &random)
            let scanned = try #require(Self.scan(Array(text.utf8)), "seed \(seed): \(text)")
            let call = try VarlinkCall(parsing: ByteBuffer(string: text))
            #expect(String(decoding: scanned.name, as: UTF8.self) == call.arguments["account"]?.string)
            #expect(Int64(scanned.minValid) == call.arguments["min_valid"]?.int ?? 0)
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `whatever the scanner takes, the general parser takes for the same call`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var taken = 0
        for _ in 0..<3_000 {
            var bytes = Array(Self.spelling(account: "box/abc", minValid: 60, &random).utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes.remove(at: place)
                case 1:
                    bytes.insert(Array(#"{}[]",:\ 0123456789eE.-+"#.utf8).randomElement(using: &random) ?? 0, at: place)
                case 2: bytes[place] = UInt8.random(in: 1...127, using: &random)
                default: bytes.insert(contentsOf: bytes[place...].prefix(12), at: place)
                }
            }
            guard let scanned = Self.scan(bytes) else { continue }
            taken += 1
            let call = try VarlinkCall(parsing: ByteBuffer(bytes: bytes))
            #expect(call.method == "org.refreshd.Control.GetToken" && !call.oneway && !call.more, "seed \(seed)")
            #expect(String(decoding: scanned.name, as: UTF8.self) == call.arguments["account"]?.string, "seed \(seed)")
            #expect(Int64(scanned.minValid) == call.arguments["min_valid"]?.int ?? 0, "seed \(seed)")
            #expect(call.arguments.names.allSatisfy { ["account", "min_valid"].contains($0) }, "seed \(seed)")
        }
        #expect(taken > 0)
    }

    @Test func `a call cut off at any byte is not taken`() {
        let whole = Array(RawPeer.text("GetToken", #"{"account":"box/a","min_valid":60}"#).utf8)
        #expect(Self.scan(whole) != nil)
        for length in 0..<whole.count { #expect(Self.scan(Array(whole[..<length])) == nil) }
    }

    @Test(
        arguments: [
            RawPeer.text("GetToken", #"{"account":"box\/a"}"#),
            RawPeer.text("GetToken", #"{"account":"box/a","account":"box/b"}"#),
            RawPeer.text("GetToken", #"{"account":"box/a","min_valid":null}"#),
            RawPeer.text("GetToken", #"{"account":"box/a","min_valid":-1}"#),
            RawPeer.text("GetToken", #"{"account":"box/a","min_valid":1.5}"#),
            RawPeer.text("GetToken", #"{"account":"box/a","min_valid":060}"#),
            RawPeer.text("GetToken", #"{"account":"box/a","min_valid":1000000000}"#),
            RawPeer.text("GetToken", #"{"account":"box/a","other":1}"#),
            RawPeer.text("GetToken", "{}"),
            RawPeer.text("GetToken", #"{"account":"box/a"}"#, #","oneway":true"#),
            RawPeer.text("GetToken", #"{"account":"box/a"}"#, #","more":true"#),
            RawPeer.text("GetTokem", #"{"account":"box/a"}"#),
            #"{"method":"org.refreshd.Control.GetToken"}"#,
            RawPeer.text("GetToken", #"{"account":"box/a"}"#) + "x",
        ]
    )
    func `anything else is left to the general way`(text: String) {
        #expect(Self.scan(Array(text.utf8)) == nil)
    }
}
