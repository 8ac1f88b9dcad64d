package import Logging

/// Writes log events to standard error, one line each: `2026-02-28T09:15:02.120Z WARNING message key=value …`.
///
/// Values with blanks or quotes are quoted, control characters escaped: no event can forge a second line or
/// reach the terminal's escape sequences.
package struct TextLogHandler: LogHandler {
    /// What stands before the message.
    package enum Form: Hashable, Sendable {
        /// The time in UTC and the level.
        case terminal
        /// `<N>`, which journald takes for the priority; it adds the time itself (sd-daemon(3)).
        case journalStream
    }

    package var logLevel: Logger.Level = .info
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let form: Form
    private let hidden: Set<String>
    private let nanosecondsSince1970: @Sendable () -> Int64
    private let output: @Sendable ([UInt8]) -> Void

    /// Creates a handler.
    ///
    /// - Parameters:
    ///   - form: What stands before the message.
    ///   - hidden: Metadata keys of no use to a reader, such as a message id.
    ///   - nanosecondsSince1970: The wall clock.
    ///   - output: Receives each line whole, its line end included; may be called from several threads at once.
    package init(
        form: Form,
        hidden: Set<String> = ["message_id"],
        nanosecondsSince1970: @escaping @Sendable () -> Int64 = { SystemClock.nanosecondsSince1970 },
        output: @escaping @Sendable ([UInt8]) -> Void = { StandardError.shared.write($0) }
    ) {
        self.form = form
        self.hidden = hidden
        self.nanosecondsSince1970 = nanosecondsSince1970
        self.output = output
    }

    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let context = self.metadata.merging(self.metadataProvider?.get() ?? [:]) { _, new in new }
        self.write(LogLine(event: event, metadata: context, hidden: self.hidden), level: event.level)
    }

    func write(_ line: LogLine, level: Logger.Level) {
        let prefix =
            switch self.form {
            case .terminal:
                "\(UTCTime(nanosecondsSince1970: self.nanosecondsSince1970())) \(level.rawValue.uppercased()) "
            case .journalStream: "<\(level.journalPriority)>"
            }
        self.output(Array("\(prefix)\(line.text)\n".utf8))
    }
}
