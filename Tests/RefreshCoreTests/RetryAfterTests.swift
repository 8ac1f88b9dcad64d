import RefreshCore
import Testing

@Suite struct RetryAfterTests {
    // Sun, 06 Nov 1994 08:49:37 GMT, the moment in the examples of RFC 9110.
    private static let moment = Timestamp(seconds: 784_111_777)

    @Test(arguments: [
        ("120", 120), (" 7\t", 7), ("0", 1), ("-5", 1), ("1", 1), ("3600", 3_600), ("3601", 3_600),
        ("1000000000", 3_600),
        ("99999999999999999999999", 3_600), ("1.5", 2), ("2.0", 2), ("0.2", 1), ("-0.5", 1),
    ])
    func `a number of seconds is clamped to a second and an hour`(text: String, seconds: Int) {
        #expect(RetryAfter.wait(text, now: Self.moment) == .seconds(seconds))
    }

    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "sun, 06 nov 1994 08:49:37 gmt",
    ])
    func `a date in any of the three forms is the time until then`(text: String) {
        #expect(RetryAfter.wait(text, now: Self.moment - .seconds(90)) == .seconds(90))
        #expect(RetryAfter.wait(text, now: Self.moment) == .seconds(1))
        #expect(RetryAfter.wait(text, now: Self.moment + .seconds(90)) == .seconds(1))
    }

    @Test(arguments: [
        ("Fri, 31 Dec 2099 23:59:59 GMT", 3_600), ("Thu, 29 Feb 2024 00:00:10 GMT", 10),
        ("Fri, 01 Mar 2024 00:00:00 GMT", 3_600),
        ("Wed, 28 Feb 2024 23:59:60 GMT", 1),
    ])
    func `leap days, leap seconds and far dates are understood`(text: String, seconds: Int) {
        #expect(RetryAfter.wait(text, now: Timestamp(seconds: 1_709_164_800)) == .seconds(seconds))
    }

    @Test func `a year of two digits is at most fifty years ahead`() {
        let now = Timestamp(seconds: 1_800_000_000)  // in 2027
        #expect(RetryAfter.wait("Friday, 01-Jan-77 00:00:00 GMT", now: now) == .seconds(3_600))
        #expect(RetryAfter.wait("Sunday, 01-Jan-78 00:00:00 GMT", now: now) == .seconds(1))
    }

    @Test(arguments: [
        "", " ", "soon", "-", ".", "+5", "0x10", "1e3", "12 seconds", "120, 120", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994",
        "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Nov",
        "Sun Nov 6 1994 08:49:37",
    ])
    func `what says nothing is no wait`(text: String) {
        #expect(RetryAfter.wait(text, now: Self.moment) == nil)
    }

    @Test func `of several the longest counts`() {
        #expect(RetryAfter.wait(["5", "words", "70", "-1"], now: Self.moment) == .seconds(70))
        #expect(RetryAfter.wait([String](), now: Self.moment) == nil)
    }
}
