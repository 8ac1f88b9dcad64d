/// How long a server asks us to stay away (RFC 9110 §10.2.3).
package enum RetryAfter {
    /// The wait that a `Retry-After` header asks for, within `RetryAfterLimit`.
    ///
    /// - Parameters:
    ///   - value: A number of seconds, or a date in any of the three forms of RFC 9110 §5.6.7. Signs and fractions are
    ///     outside the grammar but sent, and understood.
    ///   - now: The moment the answer arrived, by this host's clock: its `Date` header plays no part.
    /// - Returns: 1 s to 1 h, for a moment in the past 1 s (facts F03); nil if the value says nothing.
    package static func wait(_ value: String, now: Timestamp) -> Duration? {
        let text = value.utf8.trimmingBlanks()
        if let seconds = self.seconds(text) { return RetryAfterLimit.clamp(.seconds(seconds)) }
        if let moment = HTTPDate.parse(text, now: now) { return RetryAfterLimit.clamp(moment - now) }
        return nil
    }

    /// The longest wait of several headers, for of two waits the longer is the safe one.
    package static func wait(_ values: some Sequence<String>, now: Timestamp) -> Duration? {
        values.compactMap { self.wait($0, now: now) }.max()
    }

    /// Whole seconds, rounded up and clamped to 1,000,000, which is beyond the limit anyway.
    private static func seconds(_ text: Substring.UTF8View) -> Int? {
        let isNegative = text.first == UInt8(ascii: "-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(
            separator: UInt8(ascii: "."),
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        guard let whole = parts.first, !whole.isEmpty, parts.allSatisfy({ $0.allSatisfy(\.isDigit) }) else {
            return nil
        }
        if isNegative { return 0 }
        let hasFraction = parts.count == 2 && parts[1].contains { $0 != UInt8(ascii: "0") }
        let value = whole.reduce(0) { min($0 * 10 + Int($1 - UInt8(ascii: "0")), 1_000_000) }
        return value + (hasFraction ? 1 : 0)
    }
}

/// A date as HTTP writes it (RFC 9110 §5.6.7).
private enum HTTPDate {
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

    /// Reads all three forms; the name of the weekday is not compared with the date.
    ///
    /// ```
    /// Sun, 06 Nov 1994 08:49:37 GMT     IMF-fixdate
    /// Sunday, 06-Nov-94 08:49:37 GMT    RFC 850
    /// Sun Nov  6 08:49:37 1994          asctime
    /// ```
    static func parse(_ text: Substring.UTF8View, now: Timestamp) -> Timestamp? {
        let words = String(decoding: text, as: UTF8.self).lowercased().split { $0 == " " || $0 == "," || $0 == "-" }
        guard let month = words.firstIndex(where: { self.months.contains(String($0)) }) else { return nil }
        switch (words.count, month) {
        case (6, 2) where words[5] == "gmt":
            return self.moment(day: words[1], month: words[2], year: words[3], time: words[4], now: now)
        case (5, 1):
            return self.moment(day: words[2], month: words[1], year: words[4], time: words[3], now: now)
        default:
            return nil
        }
    }

    private static func moment(
        day: Substring,
        month: Substring,
        year: Substring,
        time: Substring,
        now: Timestamp
    ) -> Timestamp? {
        let clock = time.split(separator: ":", omittingEmptySubsequences: false).map {
            self.number($0, digits: 2...2) ?? -1
        }
        guard let day = self.number(day, digits: 1...2), (1...31).contains(day),
            let month = self.months.firstIndex(of: String(month)),
            let year = self.year(year, now: now),
            clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        let days = self.days(year: year, month: month + 1, day: day)
        return Timestamp(seconds: Int64(days * 86_400 + clock[0] * 3_600 + clock[1] * 60 + clock[2]))
    }

    /// Four digits as they are; two in the century that puts them at most 50 years ahead (RFC 9110 §5.6.7).
    private static func year(_ text: Substring, now: Timestamp) -> Int? {
        if let year = self.number(text, digits: 4...4) { return year >= 1_970 ? year : nil }
        guard let short = self.number(text, digits: 2...2) else { return nil }
        // By the mean Gregorian year: a day off at most, which does not matter to a choice between centuries.
        let current = 1_970 + Int(now.seconds / 31_556_952)
        let candidate = current / 100 * 100 + short
        return candidate > current + 50 ? candidate - 100 : candidate
    }

    private static func number(_ text: Substring, digits: ClosedRange<Int>) -> Int? {
        guard digits.contains(text.utf8.count), text.utf8.allSatisfy(\.isDigit) else { return nil }
        return Int(text)
    }

    /// Days since 1970-01-01 in the Gregorian calendar.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        // The year is counted from March, so that the leap day is its last.
        let shifted = month <= 2 ? year - 1 : year
        let fromMarch = (month + 9) % 12
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (fromMarch * 153 + 2) / 5 + day - 719_469
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }
}

extension String.UTF8View {
    fileprivate func trimmingBlanks() -> Substring.UTF8View {
        var text = self[...]
        while text.first == 0x20 || text.first == 0x09 { text = text.dropFirst() }
        while text.last == 0x20 || text.last == 0x09 { text = text.dropLast() }
        return text
    }
}
