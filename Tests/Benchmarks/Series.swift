/// One figure of one contestant, a value for each round.
struct Series {
    private(set) var values: [Double] = []

    mutating func add(_ value: Double) { self.values.append(value) }

    /// The value in the middle; of an even number the mean of the two there, of none 0.
    var median: Double {
        let sorted = self.values.sorted()
        guard !sorted.isEmpty else { return 0 }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    /// This divided by another contestant's figure, round by round: what slows both down in one round is not seen in it.
    func ratio(to other: Series) -> Series {
        Series(values: zip(self.values, other.values).map { $1 == 0 ? 0 : $0 / $1 })
    }

    func scaled(by factor: Double) -> Series { Series(values: self.values.map { $0 * factor }) }

    /// The median, and from where to where the values go.
    func text(_ digits: Int) -> String {
        let ends = "\((self.values.min() ?? 0).text(digits))–\((self.values.max() ?? 0).text(digits))"
        return "\(self.median.text(digits)) (\(ends))"
    }
}

extension Double {
    /// The number with so many digits behind the point.
    func text(_ digits: Int) -> String {
        let scale = (0..<digits).reduce(1.0) { factor, _ in factor * 10 }
        let scaled = (self.magnitude * scale).rounded()
        guard scaled.isFinite, scaled < 1e18 else { return "–" }
        let (whole, part) = Int(scaled).quotientAndRemainder(dividingBy: Int(scale))
        let sign = self < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let text = "\(part)"
        return "\(sign)\(whole).\(String(repeating: "0", count: digits - text.count))\(text)"
    }
}

/// A table for people: the first columns to the left, figures to the right.
struct Table {
    private var rows: [[String]]
    private let names: Int

    /// - Parameters:
    ///   - names: How many columns hold words.
    ///   - head: The columns' titles.
    init(names: Int, _ head: [String]) {
        self.names = names
        self.rows = [head]
    }

    mutating func add(_ row: [String]) { self.rows.append(row) }

    var text: String {
        let widths = self.rows[0].indices.map { column in self.rows.map { $0[column].count }.max() ?? 0 }
        return self.rows.map { row in
            let cells = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return column < self.names ? row[column] + space : space + row[column]
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
