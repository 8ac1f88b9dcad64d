/// A line that is drawn over itself while something long goes on.
struct ProgressBar: Sendable {
    /// Bytes to read in all; `nil` if nobody knows, and only the count is shown.
    let total: Int?
    let width: Int
    private var shown = ""

    init(total: Int?, width: Int) {
        self.total = total
        self.width = width
    }

    /// Returns what to write to show the state, or `nil` if that is what is shown already.
    mutating func update(done: Int, lines: Int) -> String? {
        let text = self.text(done: done, lines: lines)
        guard text != self.shown else { return nil }
        self.shown = text
        return "\r\u{1B}[K\(text)"
    }

    /// Returns what to write before anything else goes on the line.
    mutating func clear() -> String {
        guard !self.shown.isEmpty else { return "" }
        self.shown = ""
        return "\r\u{1B}[K"
    }

    func text(done: Int, lines: Int) -> String {
        let count = "\(lines) lines"
        guard let total = self.total, total > 0 else { return Output.clipped(count, to: self.width) }
        let share = min(1, Double(done) / Double(total))
        let percent = "\(Int(share * 100)) %"
        let room = min(40, self.width - count.count - percent.count - 6)
        guard room >= 5 else { return Output.clipped("\(percent) \(count)", to: self.width) }
        let filled = Int(share * Double(room))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: room - filled)
        return "[\(bar)] \(percent)  \(count)"
    }
}
