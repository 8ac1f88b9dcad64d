/// A list of words of which the configuration may use one, to say which was probably meant.
struct Vocabulary {
    private let words: [String]

    init(_ words: some Sequence<String>) { self.words = words.sorted() }

    /// What to do about a word that is not in the list.
    func remedy(for word: String) -> String {
        let near = self.near(word)
        guard near.isEmpty else { return "did you mean \(near.joined(separator: " or "))?" }
        return self.words.isEmpty ? "remove it" : "use one of \(self.words.joined(separator: ", "))"
    }

    /// The words that are a slip of the hand away, nearest first, at most three.
    func near(_ word: String) -> [String] {
        let limit = max(1, min(word.utf8.count, 12) / 3)
        let close = self.words.map { (word: $0, distance: Self.distance(word, $0)) }
            .filter { $0.distance <= limit || (word.utf8.count > 2 && $0.word.hasPrefix(word)) }
            .sorted { ($0.distance, $0.word) < ($1.distance, $1.word) }
        return close.prefix(3).map(\.word)
    }

    /// How many bytes must be put in, taken out, replaced or swapped with the next to make one word of the other.
    ///
    /// The optimal string alignment distance. Words of more than 64 bytes are as far away as they are long:
    /// nobody meant one by a slip.
    private static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        guard max(left.count, right.count) <= 64 else { return max(left.count, right.count) }
        var rows = [Array(0...right.count)]
        for i in left.indices {
            var row = [i + 1]
            for j in right.indices {
                var best = min(rows[i][j] + (left[i] == right[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    best = min(best, rows[i - 1][j - 1] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}
