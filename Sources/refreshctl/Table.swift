/// Rows under headings, written as they come.
///
/// A million accounts are listed without holding them all: the first rows decide the widths, and a later row that is
/// wider stands out by itself. Without a terminal there are no widths at all, only tabs.
struct Table: Sendable {
    /// Rows that are looked at before the first is written.
    private static let sample = 200

    private let output: Output
    private let headings: [String]
    private var pending: [[Output.Cell]] = []
    private var widths: [Int]?

    init(_ headings: [String], _ output: Output) {
        self.output = output
        self.headings = headings
    }

    /// Takes a row with a cell for each heading, and returns the lines that can be written now.
    mutating func add(_ row: [Output.Cell]) -> [String] {
        if let widths = self.widths { return [self.line(row, widths)] }
        self.pending.append(row)
        return !self.output.isTerminal || self.pending.count == Self.sample ? self.settle() : []
    }

    /// Returns the lines that are left.
    ///
    /// Without a single row there are none, not even the headings.
    mutating func finish() -> [String] {
        self.pending.isEmpty ? [] : self.settle()
    }

    /// All lines of a table whose rows are known.
    static func lines(_ headings: [String], _ rows: [[Output.Cell]], _ output: Output) -> [String] {
        var table = Table(headings, output)
        return rows.flatMap { table.add($0) } + table.finish()
    }

    private mutating func settle() -> [String] {
        let rows = [self.headings.map { Output.Cell($0, .bold) }] + self.pending
        let widths = self.headings.indices.map { column in rows.map { $0[column].text.count }.max() ?? 0 }
        self.widths = widths
        self.pending = []
        return rows.map { self.line($0, widths) }
    }

    private func line(_ row: [Output.Cell], _ widths: [Int]) -> String {
        guard self.output.isTerminal else { return row.map(\.text).joined(separator: "\t") }
        var line = ""
        var column = 0
        for (index, cell) in row.enumerated() {
            let isLast = index == row.count - 1
            if isLast, let width = self.output.width {
                // Only the last column is cut: it holds words, the others hold names that one copies.
                let room = max(20, width - column)
                line += self.output.painted(Output.Cell(Output.clipped(cell.text, to: room), cell.colour))
                break
            }
            line += self.output.painted(cell)
            column += max(widths[index], cell.text.count) + 2
            if !isLast { line += String(repeating: " ", count: max(0, widths[index] - cell.text.count) + 2) }
        }
        while line.last == " " { line.removeLast() }
        return line
    }
}
