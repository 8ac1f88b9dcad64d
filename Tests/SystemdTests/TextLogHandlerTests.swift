import Logging
import Testing

@testable import Systemd

@Suite struct TextLogHandlerTests {
    private let lines = Recorder<String>()

    private func logger(form: TextLogHandler.Form) -> Logger {
        let lines = self.lines
        var logger = Logger(label: "test") { _ in
            TextLogHandler(
                form: form,
                nanosecondsSince1970: { 1_772_270_102_120_000_000 },
                output: { lines.append(String(decoding: $0, as: UTF8.self)) }
            )
        }
        logger.logLevel = .trace
        return logger
    }

    @Test func `a line has time, level, message and sorted metadata`() {
        self.logger(form: .terminal).warning(
            "refresh failed",
            metadata: ["cause": "network", "account": "gdrive/alice@example.com", "message_id": "0123"]
        )
        #expect(
            self.lines.elements == [
                "2026-02-28T09:15:02.120Z WARNING refresh failed account=gdrive/alice@example.com cause=network\n"
            ]
        )
    }

    @Test func `towards the journal the priority replaces time and level`() {
        self.logger(form: .journalStream).critical("gone")
        #expect(self.lines.elements == ["<2>gone\n"])
    }

    @Test(arguments: [
        ("plain", "plain"), ("", "\"\""), ("two words", "\"two words\""), ("a=b", "\"a=b\""),
        (#"a"b\c"#, #""a\"b\\c""#),
        ("a\nb", #""a\nb""#), ("\u{1B}[31mred", #""\u{1b}[31mred""#), ("\u{9B}31m", #""\u{9b}31m""#),
        ("a\u{202E}b", #""a\u{202e}b""#), ("grün", "grün"),
    ])
    func `a value is one word that no terminal obeys`(value: String, word: String) {
        self.logger(form: .journalStream).info("x", metadata: ["v": "\(value)"])
        #expect(self.lines.elements == ["<6>x v=\(word)\n"])
    }

    @Test func `a message cannot begin a second line`() {
        self.logger(form: .journalStream).info("a\n<0>forged\u{1B}]0;title\u{7}")
        #expect(self.lines.elements == [#"<6>a\n<0>forged\u{1b}]0;title\u{7}"# + "\n"])
    }

    @Test func `nested metadata is written in a fixed order`() {
        self.logger(form: .journalStream).info("x", metadata: ["m": ["b": "2", "a": ["1", "0"]]])
        #expect(self.lines.elements == [#"<6>x m="{a: [1, 0], b: 2}""# + "\n"])
    }

    @Test func `an error given apart is told under its own key`() {
        struct Broken: Error, CustomStringConvertible { let description = "disk gone" }
        self.logger(form: .journalStream).error("store failed", error: Broken())
        #expect(self.lines.elements == ["<3>store failed error=\"disk gone\"\n"])
    }

    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"), (4_107_542_399_999_999_999, "2100-02-28T23:59:59.999Z"),
        (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
        (1_798_761_599_999_000_000, "2026-12-31T23:59:59.999Z"),
        (Int64.max, "2262-04-11T23:47:16.854Z"), (Int64.min, "1677-09-21T00:12:43.145Z"),
    ])
    func `times are right at the calendar's edges`(nanoseconds: Int64, text: String) {
        #expect(UTCTime(nanosecondsSince1970: nanoseconds).description == text)
    }
}
