import Testing
import Varlink

@Suite struct InterfaceDescriptionTests {
    static let text = """
        # Plays.
        # Twice.
        interface org.example.play-house1

        # How loud.
        type Volume (low, high)   # not about Setting

        type Setting (volume: Volume, tags: ?[]string, names: [string]int, inner: (a: bool, b: ?float))
        # Sets.
        #  All of it.
        method Set(setting: Setting, force: ?bool, extra: ?object) -> ()
        method Get() -> (setting: Setting)
        error Broken (why: string)
        """

    @Test func `declarations are read in order with their comments`() throws {
        let interface = try InterfaceDescription(parsing: Self.text)
        #expect(interface.name == "org.example.play-house1")
        #expect(interface.declarations.map(\.name) == ["Volume", "Setting", "Set", "Get", "Broken"])
        #expect(interface.declarations.map(\.documentation) == ["How loud.", "", "Sets.\nAll of it.", "", ""])
        #expect(interface.declarations[0].kind == .type(.enumeration(["low", "high"])))
        #expect(interface.declarations[4].kind == .error([.init(name: "why", type: .string)]))
        #expect(interface.methodNames == ["Set", "Get"])
        #expect(interface.hasMethod("Get") && !interface.hasMethod("Broken") && !interface.hasMethod("Volume"))
        #expect(interface.text == Self.text)
    }

    @Test(arguments: [
        ("", 1), ("interface org", 1), ("interface 1rg.example", 1), ("interface org.-a", 1), ("interface org..a", 1),
        ("interface a.b\nmethod get() -> ()", 2), ("interface a.b\nmethod Get()", 2), ("interface a.b\nfoo", 2),
        ("interface a.b\nmethod Get(a) -> ()", 2), ("interface a.b\ntype A (a: int, b)", 2),
        ("interface a.b\ntype A (a: int, a: int)", 2), ("interface a.b\ntype A (a_: int)", 2),
        ("interface a.b\ntype A (a__b: int)", 2), ("interface a.b\ntype A (a: ??int)", 2),
        ("interface a.b\ntype A (a: [][]int)", 2), ("interface a.b\ntype A (a: number)", 2),
        ("interface a.b\n\ntype A (b: B)", 3), ("interface a.b\ntype A (a, b)\nerror A ()", 3),
        ("interface a.b\ntype Status (a: int)\nmethod Status() -> ()", 3), ("interface a.b\ntype A (a: int", 2),
    ])
    func `a text with a fault is refused with its line`(text: String, line: Int) {
        #expect { try InterfaceDescription(parsing: text) } throws: { ($0 as? DescriptionError)?.line == line }
    }

    static let setting: JSONValue = ["volume": "low", "names": ["x": 1], "inner": ["a": true]]

    @Test(
        arguments: [
            (["setting": setting], nil),
            (["setting": setting, "force": nil, "extra": ["any": []]], nil),
            (["setting": ["volume": "high", "tags": ["a"], "names": [:], "inner": ["a": true, "b": 1]]], nil),
            ([:], "setting"),
            (["setting": nil], "setting"),
            (["setting": setting, "forced": true], "forced"),
            (["setting": setting, "force": 1], "force"),
            (["setting": setting, "extra": []], "extra"),
            (["setting": ["volume": "loud", "names": [:], "inner": ["a": true]]], "setting"),
            (["setting": ["volume": "low", "names": ["x": 1.0], "inner": ["a": true]]], "setting"),
            (["setting": ["volume": "low", "names": [:], "inner": ["a": true, "c": 1]]], "setting"),
            (["setting": ["volume": "low", "names": [:], "inner": ["a": true], "tags": [1]]], "setting"),
        ] as [(JSONObject, String?)]
    )
    func `the first argument that does not match is named`(arguments: JSONObject, fault: String?) throws {
        let interface = try InterfaceDescription(parsing: Self.text)
        #expect(interface.invalidArgument(in: arguments, of: "Set") == fault)
    }
}
