import RefreshCore
import Testing

@Suite struct AccountIDTests {
    @Test(
        arguments: [
            "a/b", "gdrive/alice@example.com", "0/x", "a_b-c/d/e", "a/ ", "a/Ünïcode 😀",
            "a/" + String(repeating: "x", count: 253),
            String(repeating: "a", count: 64) + "/b",
        ]
    )
    func `a name of the right form is one`(name: String) throws {
        let id = try AccountID(name)
        #expect(id.name == name)
        #expect("\(id)" == name)
        #expect(id.client == name.split(separator: "/").first)
        #expect((0..<1).contains(id.phase))
    }

    @Test(
        arguments: [
            ("", NameError.length), ("a/", .length), ("ab", .length),
            ("a/" + String(repeating: "x", count: 254), .length),
            ("a/" + String(repeating: "é", count: 127), .length), ("abc", .noSubject), ("abc/", .noSubject),
            ("/abc", .client), ("A/bc", .client), ("-a/b", .client), ("_a/b", .client), ("a b/c", .client),
            ("ä/bc", .client),
            ("a.b/c", .client), (String(repeating: "a", count: 65) + "/b", .client), ("a/b\n", .controlCharacter),
            ("a/\u{0}", .controlCharacter), ("a/b\u{7F}", .controlCharacter), ("a/b\u{85}", .controlCharacter),
            ("a/b\u{9F}", .controlCharacter), ("\u{1B}[2J/b", .controlCharacter),
        ]
    )
    func `a name of the wrong form is refused with what is wrong`(name: String, error: NameError) {
        #expect(throws: error) { try AccountID(name) }
    }

    @Test func `255 bytes are the most, whatever the characters`() throws {
        // 2 + 253 bytes: 126 letters of two bytes, and one of one.
        let name = "a/" + String(repeating: "é", count: 126) + "x"
        #expect(name.utf8.count == 255)
        #expect(throws: Never.self) { try AccountID(name) }
    }

    @Test func `names that look alike but have other bytes are two accounts`() throws {
        let composed = try AccountID("a/\u{E9}")
        let decomposed = try AccountID("a/e\u{301}")
        #expect(composed != decomposed)
    }

    @Test func `the fingerprint is the same in every process`() throws {
        // FNV-1a 64 of nothing is its offset basis; the finalizer is SplitMix64's. Worked out with another program.
        #expect(AccountID.fingerprint(of: [UInt8]().span) == Self.mix(0xCBF2_9CE4_8422_2325))
        #expect(AccountID.fingerprint(of: "a".utf8.span) == Self.mix(0xAF63_DC4C_8601_EC8C))
        #expect(AccountID.fingerprint(of: "foobar".utf8.span) == Self.mix(0x8594_4171_F739_67E8))
        #expect(try AccountID("a/b").fingerprint == AccountID.fingerprint(of: "a/b".utf8.span))
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    @Test func `phases are spread evenly`() throws {
        var counts = [Int](repeating: 0, count: 10)
        for index in 0..<10_000 { counts[Int(try AccountID("client/user\(index)").phase * 10)] += 1 }
        // Each tenth expects 1000; seven standard deviations are 210.
        #expect(counts.allSatisfy { (790...1_210).contains($0) }, "\(counts)")
    }

    @Test func `accounts are in the order of their names, which is that of pages`() throws {
        let names = ["b/a", "a/b", "a/a", "a/aa", "a-b/c"]
        let sorted = try names.map { try AccountID($0) }.sorted().map(\.name)
        #expect(sorted == names.sorted())
    }
}
