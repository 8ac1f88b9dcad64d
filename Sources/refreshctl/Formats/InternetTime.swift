/// Reads moments as RFC 3339 §5.6 writes them: `2026-02-28T09:15:02.123+01:00`.
enum InternetTime {
    /// The moment in Unix seconds, its fraction cut off; nil if the text is none.
    ///
    /// A blank may stand in place of the `T`. A moment without a zone is not one: nobody knows which was meant.
    static func seconds(_ text: String) -> Int64? {
        var rest = Array(text.utf8)[...]
        guard let year = Self.number(&rest, 4), Self.skip(&rest, "-"), let month = Self.number(&rest, 2, 1...12),
            Self.skip(&rest, "-"), let day = Self.number(&rest, 2, 1...31),
            Self.skip(&rest, "T") || Self.skip(&rest, "t") || Self.skip(&rest, " "),
            let hour = Self.number(&rest, 2, 0...23), Self.skip(&rest, ":"),
            let minute = Self.number(&rest, 2, 0...59), Self.skip(&rest, ":"),
            // 60 is a leap second, and counts as the first of the next minute.
            let second = Self.number(&rest, 2, 0...60)
        else { return nil }
        if Self.skip(&rest, ".") {
            guard Self.number(&rest, 1) != nil else { return nil }
            rest = rest.drop { Self.isDigit($0) }
        }
        guard day <= Self.days(in: month, of: year), let shift = Self.zone(&rest), rest.isEmpty else { return nil }
        return Self.day(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - shift
    }

    /// Seconds east of Greenwich.
    private static func zone(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        if Self.skip(&rest, "Z") || Self.skip(&rest, "z") { return 0 }
        let sign: Int64
        if Self.skip(&rest, "+") {
            sign = 1
        } else if Self.skip(&rest, "-") {
            sign = -1
        } else {
            return nil
        }
        guard let hours = Self.number(&rest, 2, 0...23), Self.skip(&rest, ":"),
            let minutes = Self.number(&rest, 2, 0...59)
        else { return nil }
        return sign * (hours * 3_600 + minutes * 60)
    }

    private static func number(
        _ rest: inout ArraySlice<UInt8>,
        _ digits: Int,
        _ range: ClosedRange<Int64> = 0...9_999
    ) -> Int64? {
        let text = rest.prefix(digits)
        guard text.count == digits, text.allSatisfy(Self.isDigit) else { return nil }
        let number = text.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        rest = rest.dropFirst(digits)
        return range.contains(number) ? number : nil
    }

    private static func skip(_ rest: inout ArraySlice<UInt8>, _ character: Unicode.Scalar) -> Bool {
        guard let first = rest.first, UInt32(first) == character.value else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01.
    ///
    /// Years begin with March here, so that the leap day comes last in its year.
    private static func day(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year + 399 : year + 400
        let cycle = shifted / 400
        let yearOfCycle = shifted % 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfCycle = yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear
        return (cycle - 1) * 146_097 + dayOfCycle - 719_468
    }
}
