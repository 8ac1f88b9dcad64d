import Logging

/// What both log handlers make of an event: the merged metadata and one readable line.
struct LogLine {
    /// The event's metadata over the handler's, sorted by key so that equal events read equal.
    let metadata: [(key: String, value: String)]
    /// `message key=value …`, safe to show on a terminal.
    let text: String

    /// Merges and renders.
    ///
    /// - Parameters:
    ///   - event: Wins over `metadata` where keys are the same.
    ///   - metadata: The handler's own, with its provider's already merged in.
    ///   - hidden: Keys that are left out of `text` but not of `metadata`.
    init(event: LogEvent, metadata: Logger.Metadata, hidden: Set<String>) {
        var merged = metadata
        if let own = event.metadata {
            merged.merge(own) { _, new in new }
        }
        if let error = event.error, merged["error"] == nil {
            merged["error"] = "\(error)"
        }
        self.metadata = merged.map { (key: $0.key, value: Self.text(of: $0.value)) }.sorted { $0.key < $1.key }
        self.text =
            PlainText.escaped(event.message.description)
            + self.metadata.filter { !hidden.contains($0.key) }
            .map { " \(PlainText.word($0.key))=\(PlainText.word($0.value))" }.joined()
    }

    private static func text(of value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array(let values): "[\(values.map(Self.text).joined(separator: ", "))]"
        case .dictionary(let values):
            "{\(values.sorted { $0.key < $1.key }.map { "\($0.key): \(Self.text(of: $0.value))" }.joined(separator: ", "))}"
        }
    }
}

extension Logger.Level {
    /// The priority of syslog and the journal: 7 debug, 6 info, 5 notice, 4 warning, 3 error, 2 critical.
    var journalPriority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
