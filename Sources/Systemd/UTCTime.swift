/// A moment as people and log readers write it: `2026-02-28T09:15:02.120Z` (RFC 3339, UTC, milliseconds).
struct UTCTime: Hashable, CustomStringConvertible {
    private let milliseconds: Int64

    /// Rounds down to the millisecond; moments before 1970 are negative.
    init(nanosecondsSince1970: Int64) {
        let (quotient, remainder) = nanosecondsSince1970.quotientAndRemainder(dividingBy: 1_000_000)
        self.milliseconds = remainder < 0 ? quotient - 1 : quotient
    }

    var description: String {
        let dayLength: Int64 = 86_400_000
        var day = self.milliseconds / dayLength
        if self.milliseconds % dayLength < 0 { day -= 1 }
        let time = self.milliseconds - day * dayLength
        let (year, month, dayOfMonth) = Self.date(day: day)
        return "\(Self.digits(year, 4))-\(Self.digits(month, 2))-\(Self.digits(dayOfMonth, 2))"
            + "T\(Self.digits(time / 3_600_000, 2)):\(Self.digits(time / 60_000 % 60, 2))"
            + ":\(Self.digits(time / 1_000 % 60, 2)).\(Self.digits(time % 1_000, 3))Z"
    }

    /// The Gregorian date of a day counted from 1970-01-01.
    ///
    /// Years are counted from March here: the leap day is then the last day of its year, and each month starts at a
    /// fixed day. Eras are the 400 years after which the calendar repeats.
    private static func date(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468  // days from 0000-03-01
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    private static func digits(_ value: Int64, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}
