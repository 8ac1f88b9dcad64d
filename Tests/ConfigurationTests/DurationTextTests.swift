import Testing

@testable import refreshd

@Suite struct DurationTextTests {
    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("0s", .zero), ("0ms", .zero), ("90s", .seconds(90)),
        ("5m", .seconds(300)),
        ("2h", .seconds(7_200)), ("30d", .seconds(30 * 86_400)), ("007s", .seconds(7)),
        ("36525d", .seconds(36_525 * 86_400)),
    ])
    func `digits and a unit are a duration`(text: String, duration: Duration) {
        #expect(Duration(text: text) == duration)
    }

    @Test(arguments: [
        "", "5", "m", "5 m", " 5m", "5m ", "-5m", "+5m", "1.5h", "1h30m", "5M", "5min", "5µs", "٥m", "0x5m", "1e3s",
        "36526d",
        "9999999999999999s", "999999999999999d",
    ])
    func `anything else is none`(text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test(arguments: ["0s", "1ms", "1500ms", "90s", "5m", "36h", "1d", "3650d"])
    func `a duration is written as it is read`(text: String) {
        #expect(Duration(text: text)?.text == text)
    }
}
