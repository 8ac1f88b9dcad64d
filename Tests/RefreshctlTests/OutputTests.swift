import ControlAPI
import Testing

@testable import refreshctl

@Suite struct OutputTests {
    static let person = Output(now: 1_000_000, width: nil, isTerminal: true, hasColour: false)
    static let program = Output(now: 1_000_000, width: nil, isTerminal: false, hasColour: false)

    @Test(arguments: [
        (nil, "-"), (0, "now"), (1, "in 1 s"), (-3, "3 s ago"), (59, "in 59 s"), (60, "in 1 min"), (-119, "1 min ago"),
        (720, "in 12 min"), (3_599, "in 59 min"), (3_600, "in 1 h"), (172_799, "in 47 h"), (-172_800, "2 d ago"),
        (86_400 * 400, "in 400 d"),
    ])
    func `a moment is shown relative to now`(difference: Int?, text: String) {
        #expect(Self.person.time(difference.map { Self.person.now + $0 }) == text)
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
        (951_868_800, "2000-03-01T00:00:00Z"), (1_000_000_000, "2001-09-09T01:46:40Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"), (4_107_542_400, "2100-03-01T00:00:00Z"),
        (-62_135_596_800, "0001-01-01T00:00:00Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
        (253_402_300_800, "253402300800"), (.max, "9223372036854775807"), (.min, "-9223372036854775808"),
    ])
    func `a moment is shown in UTC`(moment: Int, text: String) {
        #expect(Output.timestamp(moment) == text)
        #expect(Self.program.time(moment) == text)
    }

    @Test(arguments: [Int.max, Int.min])
    func `an absurd moment does not trap`(moment: Int) {
        #expect(!Output(now: -2, width: nil, isTerminal: true, hasColour: false).time(moment).isEmpty)
    }

    @Test(arguments: [
        ("plain é 日本", "plain é 日本"), ("\u{1B}[31mred", "\\u{1b}[31mred"), ("a\nb\tc\u{0}", "a\\u{a}b\\u{9}c\\u{0}"),
        ("\u{9B}2J", "\\u{9b}2J"), ("x\u{202E}y\u{2066}z", "x\\u{202e}y\\u{2066}z"),
        ("\u{7F}\u{2028}", "\\u{7f}\\u{2028}"),
        ("e\u{301}\r\n", "e\u{301}\\u{d}\\u{a}"),
    ])
    func `what a terminal would obey is written out`(text: String, shown: String) {
        #expect(text.escaped == shown)
    }

    @Test func `escaped JSON means the same`() {
        #expect("{\"a\":\"\u{9B}\u{7F}\u{202E}é\"}".escapedJSON == #"{"a":"\u009b\u007f\u202eé"}"#)
    }

    static let rows: [[Output.Cell]] = [["a", Output.Cell("fresh", .green), "x"], ["日本語", "no", "a longer note"]]

    @Test func `a person sees columns`() {
        #expect(
            Table.lines(["NAME", "STATE", "NOTE"], Self.rows, Self.person) == [
                "NAME  STATE  NOTE", "a     fresh  x", "日本語   no     a longer note",
            ]
        )
    }

    @Test func `a program sees tabs`() {
        #expect(
            Table.lines(["NAME", "STATE", "NOTE"], Self.rows, Self.program) == [
                "NAME\tSTATE\tNOTE", "a\tfresh\tx", "日本語\tno\ta longer note",
            ]
        )
    }

    @Test func `colour surrounds the text and not the padding`() {
        var output = Self.person
        output.hasColour = true
        let lines = Table.lines(["A", "B"], [[Output.Cell("x", .red), "y"], ["long", "z"]], output)
        #expect(lines[1] == "\u{1B}[31mx\u{1B}[0m     y")
    }

    @Test func `only the last column is cut to the width`() {
        var output = Self.person
        output.width = 30
        let note = String(repeating: "n", count: 40)
        let lines = Table.lines(["A", "NOTE"], [["account", Output.Cell(note)]], output)
        #expect(lines[1] == "account  " + String(repeating: "n", count: 20) + "…")
    }

    @Test func `a long table is written as it comes, and shows a wide late row whole`() {
        var table = Table(["A", "B"], Self.person)
        var written = 0
        for _ in 0..<1_000 { written += table.add(["x", "y"]).count }
        #expect(written == 1_001)
        #expect(table.add(["a wide late row", "y"]) == ["a wide late row  y"])
        #expect(table.finish().isEmpty)
    }

    @Test func `an empty table is nothing`() {
        #expect(Table.lines(["A"], [], Self.person).isEmpty)
    }

    static let account = Wire.Account(
        account: "gdrive/a\u{1B}[2J",
        client: "gdrive",
        profile: "gdrive",
        state: .retrying,
        generation: 3,
        scope: ["files"],
        missingScope: ["mail"],
        issuedAt: 999_400,
        expiresAt: 1_000_720,
        refreshAt: 1_000_005,
        failure: Wire.Failure(cause: "timeout", message: "no\u{7}answer", at: 999_997, retryAt: 1_000_005, count: 2),
        deliveries: [Wire.Delivery(sink: "uploadcare", storageKey: nil, state: .refused, at: nil)]
    )

    @Test func `an account is a row`() {
        #expect(
            Self.person.row(Self.account).map(\.text) == [
                "gdrive/a\\u{1b}[2J", "retrying", "in 12 min", "in 5 s", "3",
                "timeout: no\\u{7}answer; missing: mail; uploadcare refused",
            ]
        )
    }

    @Test func `an account is shown with its failure and its deliveries`() {
        #expect(
            Self.person.lines(Self.account) == [
                "account        gdrive/a\\u{1b}[2J",
                "client         gdrive (gdrive)",
                "state          retrying",
                "generation     3",
                "scope          files",
                "missing scope  mail",
                "issued         10 min ago",
                "expires        in 12 min",
                "next refresh   in 5 s",
                "grant expires  -",
                "failure        timeout: no\\u{7}answer",
                "failed         3 s ago, 2 in a row",
                "next try       in 5 s",
                "",
                "SINK        STORAGE KEY  STATE    GENERATION  WHEN  NOTE",
                "uploadcare  -            refused  -           -     -",
            ]
        )
    }

    @Test func `an event is one line with its moment`() {
        let event = Wire.Event(kind: .failed, account: Self.account, at: 1_000_000_000)
        let note = "timeout: no\\u{7}answer; missing: mail; uploadcare refused"
        #expect(Self.person.line(event) == "2001-09-09T01:46:40Z  failed     gdrive/a\\u{1b}[2J  retrying  \(note)")
        #expect(Self.program.line(event) == "2001-09-09T01:46:40Z\tfailed\tgdrive/a\\u{1b}[2J\tretrying\t\(note)")
    }

    @Test func `the daemon is shown with its clients`() {
        let status = Wire.Status(
            version: "1.0",
            state: .ready,
            pid: 7,
            startedAt: 989_200,
            accounts: 5,
            byState: ["fresh": 4, "paused": 1],
            dueNextMinute: 2,
            nextRefreshAt: 1_000_003,
            deliveriesPending: 0,
            clients: [
                Wire.Client(
                    client: "gdrive",
                    profile: "g",
                    accounts: 5,
                    inFlight: 1,
                    closedUntil: nil,
                    breaker: .closed
                )
            ]
        )
        #expect(
            Self.person.lines(status) == [
                "refreshd      ready, version 1.0, pid 7",
                "started       3 h ago",
                "accounts      5 (4 fresh, 1 paused)",
                "next refresh  in 3 s, 2 due within a minute",
                "deliveries    0 pending",
                "",
                "CLIENT  PROFILE  ACCOUNTS  IN FLIGHT  BREAKER  CLOSED UNTIL",
                "gdrive  g        5         1          closed   -",
            ]
        )
    }

    @Test(arguments: [
        (0, 0, "[..............................] 0 %  0 lines"),
        (50, 7, "[###############...............] 50 %  7 lines"),
        (100, 9, "[##############################] 100 %  9 lines"),
        (200, 9, "[##############################] 100 %  9 lines"),
    ])
    func `progress is a share of the bytes`(done: Int, lines: Int, text: String) {
        let shown = ProgressBar(total: 100, width: 200).text(done: done, lines: lines)
        #expect(shown.filter { $0 == "#" }.count == text.filter { $0 == "#" }.count * 4 / 3)
        #expect(shown.hasSuffix(String(text.drop { $0 != "]" })))
    }

    @Test func `progress fits the line, whatever its width`() {
        for width in 0..<80 {
            let text = ProgressBar(total: 1_000, width: width).text(done: 500, lines: 123_456)
            #expect(text.count <= width)
        }
    }
}
