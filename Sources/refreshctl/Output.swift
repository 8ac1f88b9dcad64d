/// How values are shown to a person, or to a program that reads columns.
///
/// Pure: time and place come in.
struct Output: Hashable, Sendable {
    /// Unix seconds.
    var now: Int
    /// Characters in a line, on a terminal that says so.
    var width: Int?
    /// Whether a person is looking: aligned columns and relative times, else tabs and times in UTC.
    var isTerminal: Bool
    var hasColour: Bool

    enum Colour: String, Hashable, Sendable {
        case green = "32"
        case yellow = "33"
        case red = "31"
        case cyan = "36"
        case dim = "2"
        case bold = "1"
    }

    /// One field of a table.
    ///
    /// Its text must be escaped already.
    struct Cell: Hashable, Sendable, ExpressibleByStringLiteral {
        var text: String
        var colour: Colour?

        init(_ text: String, _ colour: Colour? = nil) {
            self.text = text
            self.colour = colour
        }

        init(stringLiteral text: String) {
            self.init(text)
        }
    }

    func painted(_ cell: Cell) -> String {
        guard self.hasColour, let colour = cell.colour, !cell.text.isEmpty else { return cell.text }
        return "\u{1B}[\(colour.rawValue)m\(cell.text)\u{1B}[0m"
    }

    // MARK: Times

    /// A moment: `in 12 min`, `3 s ago`, `now` for a person, else in UTC; `-` if there is none.
    func time(_ moment: Int?) -> String {
        guard let moment else { return "-" }
        guard self.isTerminal else { return Self.timestamp(moment) }
        let (difference, overflow) = moment.subtractingReportingOverflow(self.now)
        guard !overflow else { return Self.timestamp(moment) }
        if difference == 0 { return "now" }
        let span = Self.span(difference.magnitude)
        return difference > 0 ? "in \(span)" : "\(span) ago"
    }

    /// The largest unit in which the number is at least one, rounded down; hours up to two days.
    static func span(_ seconds: UInt) -> String {
        switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3_600: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    /// ISO 8601 in UTC, `2001-09-09T01:46:40Z`.
    ///
    /// A moment outside the years 1 to 9999 is shown as the bare number.
    static func timestamp(_ moment: Int) -> String {
        guard -62_135_596_800..<253_402_300_800 ~= moment else { return "\(moment)" }
        // Days in 400-year cycles that begin on 1 March, so that the leap day comes last in its year.
        let seconds = moment + 719_468 * 86_400
        let day = seconds / 86_400
        let second = seconds % 86_400
        let dayOfCycle = day % 146_097
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfCycle + day / 146_097 * 400 + (month <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(month))-\(padded(dayOfMonth))"
            + "T\(padded(second / 3_600)):\(padded(second / 60 % 60)):\(padded(second % 60))Z"
    }

    private static func padded(_ number: Int, _ width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Cuts the text to `width` characters, the last of which says so.
    static func clipped(_ text: String, to width: Int) -> String {
        guard text.count > width else { return text }
        return width > 0 ? text.prefix(width - 1) + "…" : ""
    }
}
