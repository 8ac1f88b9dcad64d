import Glibc
import Testing

@testable import refreshctl

@Suite struct HiddenLineTests {
    private func typed(_ text: String, isTerminal: Bool = true) -> (String?, HiddenLine.Line.Next) {
        var line = HiddenLine.Line()
        for byte in text.utf8 {
            let next = line.take(byte, isTerminal: isTerminal)
            if next != .more { return (line.text, next) }
        }
        return (line.text, .more)
    }

    @Test(arguments: [
        ("abc\n", "abc"), (" abc \r", "abc"), ("abd\u{7F}c\n", "abc"), ("wrong\u{15}abc\n", "abc"),
        ("\u{7F}abc\n", "abc"), ("ab\u{4}c\n", "abc"), ("a\u{1A}b\tc\n", "abc"),
    ])
    func `a line is what a terminal's own editing would make of it`(keys: String, line: String) {
        let (text, next) = self.typed(keys)
        #expect(text == line && next == .end)
    }

    @Test func `the end of the input gives up where nothing was entered`() {
        for (keys, expected) in [("\u{4}", HiddenLine.Line.Next.givenUp), ("\n", .end), (" \n", .end)] {
            let (text, next) = self.typed(keys)
            #expect(text == nil && next == expected)
        }
    }

    @Test func `what is no terminal has no keys`() {
        #expect(self.typed("a\u{7F}\n", isTerminal: false).0 == "a\u{7F}")
    }

    @Test func `a line longer than a terminal takes is whole, and one without an end is bounded`() {
        let long = String(repeating: "c", count: 9_000)
        #expect(self.typed(long + "\n").0 == long)
        #expect(self.typed(String(repeating: "c", count: 40_000)).0?.count == HiddenLine.longest)
    }
    @Test func `a line that is waited for is given up when it is told to`() throws {
        var input: [Int32] = [0, 0]
        var wake: [Int32] = [0, 0]
        try #require(unsafe pipe(&input) == 0 && pipe(&wake) == 0)
        defer { for end in input + wake { close(end) } }
        _ = unsafe write(input[1], "canary-half", 11)
        _ = unsafe write(wake[1], "!", 1)
        #expect(HiddenLine.line(input[0], "", unlessReadable: wake[0]) == nil)
    }
}
