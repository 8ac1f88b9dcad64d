import Logging
import Testing

@testable import Systemd

@Suite struct JournalLogHandlerTests {
    private let entries = Recorder<JournalEntry>()
    private let fallen = Recorder<String>()

    private func logger(result: Int32 = 0) -> Logger {
        let (entries, fallen) = (self.entries, self.fallen)
        let fields = JournalLogHandler.Fields(
            prefix: "REFRESHD_",
            names: ["message_id": "MESSAGE_ID", "account": "REFRESHD_ACCOUNT"]
        )
        return Logger(label: "test") { _ in
            JournalLogHandler(
                identifier: "refreshd",
                fields: fields,
                fallback: TextLogHandler(
                    form: .journalStream,
                    output: { fallen.append(String(decoding: $0, as: UTF8.self)) }
                ),
                transport: {
                    entries.append($0)
                    return result
                }
            )
        }
    }

    private func only() throws -> JournalEntry {
        try #require(self.entries.elements.count == 1)
        return self.entries.elements[0]
    }

    @Test func `an event becomes one entry with the journal's own fields`() throws {
        self.logger().warning("refresh failed", file: "RefreshEngine/Refresher.swift", function: "attempt()", line: 42)
        let entry = try self.only()
        #expect(entry.values(of: "MESSAGE") == ["refresh failed"])
        #expect(entry.values(of: "PRIORITY") == ["4"])
        #expect(entry.values(of: "SYSLOG_IDENTIFIER") == ["refreshd"])
        #expect(entry.values(of: "CODE_FILE") == ["RefreshEngine/Refresher.swift"])
        #expect(entry.values(of: "CODE_LINE") == ["42"])
        #expect(entry.values(of: "CODE_FUNC") == ["attempt()"])
    }

    @Test func `metadata goes to the table's field, or to the prefix and the key`() throws {
        self.logger().info(
            "refreshed",
            metadata: [
                "account": "gdrive/alice@example.com", "message_id": "0123456789abcdef0123456789abcdef",
                "retry-in": "5s",
            ]
        )
        let entry = try self.only()
        #expect(entry.values(of: "REFRESHD_ACCOUNT") == ["gdrive/alice@example.com"])
        #expect(entry.values(of: "MESSAGE_ID") == ["0123456789abcdef0123456789abcdef"])
        #expect(entry.values(of: "REFRESHD_RETRY_IN") == ["5s"])
        #expect(entry.values(of: "MESSAGE") == ["refreshed account=gdrive/alice@example.com retry-in=5s"])
    }

    @Test func `no key of the metadata reaches a field of the journal itself`() throws {
        self.logger().info("real", metadata: ["MESSAGE": "forged", "PRIORITY": "0", "_UID": "0", "message": "forged"])
        let entry = try self.only()
        #expect(entry.values(of: "MESSAGE").count == 1)
        #expect(entry.values(of: "PRIORITY") == ["6"])
        #expect(entry.values(of: "_UID") == [])
        #expect(entry.values(of: "REFRESHD__UID") == ["0"])
    }

    @Test func `a value keeps its line breaks in the field and loses them in the message`() throws {
        self.logger().error("answer unreadable", metadata: ["body": "a\nMESSAGE=forged"])
        let entry = try self.only()
        #expect(entry.values(of: "REFRESHD_BODY") == ["a\nMESSAGE=forged"])
        #expect(entry.values(of: "MESSAGE") == [#"answer unreadable body="a\nMESSAGE=forged""#])
    }

    @Test func `an event's metadata wins over the logger's`() throws {
        var logger = self.logger()
        logger[metadataKey: "account"] = "a/1"
        logger[metadataKey: "try"] = "1"
        logger.info("x", metadata: ["account": "b/2"])
        let entry = try self.only()
        #expect(entry.values(of: "REFRESHD_ACCOUNT") == ["b/2"])
        #expect(entry.values(of: "REFRESHD_TRY") == ["1"])
    }

    @Test(arguments: [
        (Logger.Level.trace, "7"), (.debug, "7"), (.info, "6"), (.notice, "5"), (.warning, "4"), (.error, "3"),
        (.critical, "2"),
    ])
    func `each level has its priority`(level: Logger.Level, priority: String) throws {
        var logger = self.logger()
        logger.logLevel = .trace
        logger.log(level: level, "x")
        #expect(try self.only().values(of: "PRIORITY") == [priority])
    }

    @Test func `what journald does not take is written as a line`() throws {
        self.logger(result: -90).error("too large", metadata: ["account": "a/1"])
        #expect(self.fallen.elements == ["<3>too large account=a/1\n"])
        self.logger().error("taken")
        #expect(self.fallen.elements.count == 1)
    }

    @Test(arguments: [
        ("account", "REFRESHD_ACCOUNT"), ("retry-in.ms", "REFRESHD_RETRY_IN_MS"), ("ключ", "REFRESHD_____"),
        ("", "REFRESHD_"), (String(repeating: "k", count: 99), "REFRESHD_" + String(repeating: "K", count: 55)),
    ])
    func `every key makes a field that journald takes`(key: String, field: String) {
        let name = JournalEntry.fieldName(prefix: "REFRESHD_", key: key)
        #expect(name == field)
        #expect(JournalEntry.isFieldName(name))
    }

    @Test(arguments: ["", "_UID", "1ST", "lower", "WITH SPACE", "A=B", String(repeating: "A", count: 65)])
    func `a name that journald drops is none`(name: String) {
        #expect(!JournalEntry.isFieldName(name))
    }

    @Test func `libsystemd takes an entry with line breaks and large values`() {
        // Without a journald the call does nothing and says 0; with one, the entry is really written.
        var entry = JournalEntry()
        entry.add("MESSAGE", "test of SystemdTests\nsecond line")
        entry.add("PRIORITY", "7")
        entry.add("REFRESHD_LARGE", String(repeating: "x", count: 300_000))
        #expect(entry.send() == 0)
    }
}
