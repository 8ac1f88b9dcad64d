extension Duration {
    // From the longest, so that a duration is written in the largest unit that fits it whole.
    private static let units: [(word: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    /// Reads a duration as the configuration has it: digits and one unit, `500ms`, `90s`, `5m`, `2h` or `30d`.
    ///
    /// Nil for anything else: signs, blanks, fractions, two units, or more than 100 years.
    init?(text: String) {
        let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let unit = String(text.utf8.dropFirst(digits.count))
        // Fifteen digits of days are still far from the end of the next multiplication's range.
        guard (1...15).contains(digits.count), let count = Int64(String(decoding: digits, as: UTF8.self)),
            let size = Self.units.first(where: { $0.word == unit })?.milliseconds
        else { return nil }
        let (milliseconds, overflows) = count.multipliedReportingOverflow(by: size)
        guard !overflows, milliseconds <= 36_525 * 86_400_000 else { return nil }
        self = .milliseconds(milliseconds)
    }

    /// The duration as `init(text:)` reads it; less than a millisecond is cut off.
    var text: String {
        let (seconds, attoseconds) = self.components
        let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
        let unit = Self.units.first { milliseconds != 0 && milliseconds % $0.milliseconds == 0 } ?? ("s", 1_000)
        return "\(milliseconds / unit.milliseconds)\(unit.word)"
    }
}
