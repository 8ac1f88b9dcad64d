import Testing

@testable import OAuth

@Suite struct JSONReaderTests {
    @Test(
        arguments: [
            (#"{}"#, [:]),
            (" \t\r\n{ \"a\" : 1 , \"b\":null }\n", ["a": .number("1"), "b": .null]),
            (#"{"a":true,"b":false}"#, ["a": .bool(true), "b": .bool(false)]),
            (#"{"":""}"#, ["": .string("")]),
            (#"{"a":[]}"#, ["a": .array([])]),
            (
                #"{"a":[1,[2,{"b":[ ]}]]}"#,
                ["a": .array([.number("1"), .array([.number("2"), .object(["b": .array([])])])])]
            ),
            (#"{"a":-0.5e+10,"b":1E-2,"c":0}"#, ["a": .number("-0.5e+10"), "b": .number("1E-2"), "c": .number("0")]),
            (#"{"a":"\"\\\/\b\f\n\r\t"}"#, ["a": .string("\"\\/\u{8}\u{C}\n\r\t")]),
            (#"{"a":"\u0041\u00e9\uD83D\uDE00"}"#, ["a": .string("Aé😀")]),
            (#"{"a":"é😀"}"#, ["a": .string("é😀")]),
            (#"{"\u0061":"x"}"#, ["a": .string("x")]),
            ("\u{FEFF}{\"a\":1}", ["a": .number("1")]),
            (#"{"a":{"a":{"a":1}}}"#, ["a": .object(["a": .object(["a": .number("1")])])]),
        ] as [(String, [String: JSONValue])]
    )
    func `good objects are read as written`(text: String, expected: [String: JSONValue]) throws {
        #expect(try JSONReader.object(in: Array(text.utf8)) == expected)
    }

    @Test(
        arguments: [
            "", " ", "{", "}", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\" 1}", "{\"a\":1 \"b\":2}",
            "{a:1}",
            "{'a':1}", "{\"a\":1}x", "{\"a\":1}{}", "{1:2}", "{\"a\":01}", "{\"a\":-}", "{\"a\":1.}", "{\"a\":.5}",
            "{\"a\":+1}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":0x10}", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":nul}",
            "{\"a\":True}", "{\"a\":[1,]}", "{\"a\":[1}", "{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":\"x}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12G4\"}", "{\"a\":\"\\uD800\"}", "{\"a\":\"\\uDC00\"}",
            "{\"a\":\"\\uD800\\u0041\"}", "{\"a\":\"\\uD800x\"}", "{\"a\":\"line\nend\"}", "{\"a\":\"nul\u{0}\"}",
            "{\"a\":1}\u{0}", "// c\n{}", "{\"a\":1 /* c */}", "<html></html>", "\u{FEFF}", "\u{FEFF}\u{FEFF}{}",
            "{\"a\":\u{A0}1}", "a=b",
        ]
    )
    func `what is no JSON is refused`(text: String) {
        #expect(throws: JSONFault.syntax) { try JSONReader.object(in: Array(text.utf8)) }
    }

    @Test(arguments: ["[]", "[{\"a\":1}]", "null", "true", "1", "\"text\""])
    func `JSON that is no object is refused`(text: String) {
        #expect(throws: JSONFault.notAnObject) { try JSONReader.object(in: Array(text.utf8)) }
    }

    @Test(
        arguments: [
            #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"{"x":{"b":1,"b":2}}"#, #"{"x":[{"b":1,"c":2,"b":3}]}"#,
        ]
    )
    func `a member twice is refused at any level`(text: String) {
        #expect(throws: JSONFault.doubled) { try JSONReader.object(in: Array(text.utf8)) }
    }

    @Test func `other encodings are refused`() {
        let object = Array("{\"a\":\"b\"}".utf8)
        let utf16: [UInt8] = [0xFF, 0xFE] + object.flatMap { [$0, UInt8(0)] }
        #expect(throws: JSONFault.encoding) { try JSONReader.object(in: utf16) }
        #expect(throws: JSONFault.syntax) { try JSONReader.object(in: object.flatMap { [UInt8(0), $0] }) }
        for bad: [UInt8] in [
            [0xE9], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
        ] {
            #expect(throws: JSONFault.encoding) {
                try JSONReader.object(in: Array("{\"a\":\"".utf8) + bad + Array("\"}".utf8))
            }
        }
    }

    @Test func `every limit holds at its edge`() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array(("{\"a\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}").utf8)
        }
        #expect(throws: Never.self) { try JSONReader.object(in: nested(JSONReader.maximumDepth - 1)) }
        #expect(throws: JSONFault.tooLarge) { try JSONReader.object(in: nested(JSONReader.maximumDepth)) }
        #expect(throws: JSONFault.tooLarge) { try JSONReader.object(in: nested(1_000_000)) }
        #expect(throws: JSONFault.tooLarge) {
            try JSONReader.object(in: Array("{\"a\":".utf8) + [UInt8](repeating: UInt8(ascii: "["), count: 200_000))
        }

        func members(_ count: Int) -> [UInt8] {
            Array(("{" + (0..<count).map { "\"\($0)\":1" }.joined(separator: ",") + "}").utf8)
        }
        #expect(try JSONReader.object(in: members(JSONReader.maximumValues - 1)).count == JSONReader.maximumValues - 1)
        #expect(throws: JSONFault.tooLarge) { try JSONReader.object(in: members(JSONReader.maximumValues)) }
        #expect(throws: JSONFault.tooLarge) { try JSONReader.object(in: members(100_000)) }

        func number(_ digits: Int) -> [UInt8] { Array("{\"a\":\(String(repeating: "7", count: digits))}".utf8) }
        #expect(throws: Never.self) { try JSONReader.object(in: number(JSONReader.maximumDigits)) }
        #expect(throws: JSONFault.tooLarge) { try JSONReader.object(in: number(JSONReader.maximumDigits + 1)) }
        #expect(throws: JSONFault.tooLarge) { try JSONReader.object(in: number(10_000)) }

        let full = Array("{}".utf8) + [UInt8](repeating: 0x20, count: JSONReader.maximumLength - 2)
        #expect(try JSONReader.object(in: full) == [:])
        #expect(throws: JSONFault.tooLarge) { try JSONReader.object(in: full + [0x20]) }
    }

    @Test func `random objects are read back however they are written`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<2_000 {
            let members = Self.randomObject(depth: 4, &random)
            let text = Self.write(.object(members), &random)
            let read = try JSONReader.object(in: Array(text.utf8))
            #expect(read == members, "seed \(seed)")
            guard read == members else { return }
        }
    }

    @Test func `no damage makes the reader fail otherwise than by its error`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        var accepted = 0
        for _ in 0..<4_000 {
            var bytes = Array(Self.write(.object(Self.randomObject(depth: 3, &random)), &random).utf8)
            Self.damage(&bytes, &random)
            guard let members = try? JSONReader.object(in: bytes) else { continue }
            accepted += 1
            // What is accepted means the same when it is written anew.
            let text = Self.write(.object(members), &random)
            #expect(try JSONReader.object(in: Array(text.utf8)) == members, "seed \(seed)")
        }
        #expect(accepted > 0, "seed \(seed): damage that never leaves an object whole tests too little")
    }
}

extension JSONReaderTests {
    static func randomObject(depth: Int, _ random: inout SeededRandom) -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            members[Self.randomText(&random)] = Self.randomValue(depth: depth - 1, &random)
        }
        return members
    }

    private static func randomValue(depth: Int, _ random: inout SeededRandom) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2:
            return .number(["0", "-1", "3600", "3599.7", "1e3", "1E-400", "-0.0"].randomElement(using: &random) ?? "0")
        case 3, 4: return .string(Self.randomText(&random))
        case 5:
            var values: [JSONValue] = []
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                values.append(Self.randomValue(depth: depth - 1, &random))
            }
            return .array(values)
        default: return .object(Self.randomObject(depth: depth, &random))
        }
    }

    private static func randomText(_ random: inout SeededRandom) -> String {
        let ranges: [ClosedRange<UInt32>] = [0...0x7F, 0x20...0x7E, 0x80...0x7FF, 0x800...0xFFFF, 0x1_0000...0x10_FFFF]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...8, using: &random) {
            let range = ranges.randomElement(using: &random) ?? 0x20...0x7E
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) { text.append(scalar) }
        }
        return String(text)
    }

    /// Writes a value with random white space, and each character of a string in one of the ways it can be written.
    static func write(_ value: JSONValue, _ random: inout SeededRandom) -> String {
        func space(_ random: inout SeededRandom) -> String {
            ["", "", "", " ", "\n", "\t \r"].randomElement(using: &random) ?? ""
        }
        var text = space(&random)
        switch value {
        case .null: text += "null"
        case .bool(let isTrue): text += isTrue ? "true" : "false"
        case .number(let digits): text += digits
        case .string(let string): text += Self.quote(string, &random)
        case .array(let values):
            var parts: [String] = []
            for value in values { parts.append(Self.write(value, &random)) }
            text += "[" + space(&random) + parts.joined(separator: ",") + "]"
        case .object(let members):
            var parts: [String] = []
            for (name, value) in members {
                parts.append(
                    space(&random) + Self.quote(name, &random) + space(&random) + ":" + Self.write(value, &random)
                )
            }
            text += "{" + parts.joined(separator: ",") + space(&random) + "}"
        }
        return text + space(&random)
    }

    private static func quote(_ string: String, _ random: inout SeededRandom) -> String {
        var text = "\""
        for scalar in string.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            guard mustEscape || Int.random(in: 0..<8, using: &random) == 0 else {
                text.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let hex = String(unit, radix: 16, uppercase: Bool.random(using: &random))
                text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            }
        }
        return text + "\""
    }

    static func damage(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &random)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(Array("{}[]\":,\\u0".utf8).randomElement(using: &random) ?? 0, at: index)
            case 3: bytes.removeSubrange(index...)
            default: bytes.insert(contentsOf: bytes[..<index], at: index)
            }
        }
    }
}
