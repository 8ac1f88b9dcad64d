import Glibc
package import Logging

/// Writes log events to the journal with a field for each piece of metadata (sd_journal_sendv(3)).
///
/// `MESSAGE` is the line a person reads, metadata included, since `journalctl` shows nothing else by default; the same
/// metadata stands in fields, so `journalctl REFRESHD_ACCOUNT=…` finds one account's story. For use when
/// `JournalStream.isStandardError` says so; elsewhere `TextLogHandler` is right.
package struct JournalLogHandler: LogHandler {
    /// Where entries go; returns 0, or -errno.
    package typealias Transport = @Sendable (JournalEntry) -> Int32

    /// Which metadata key becomes which field.
    package struct Fields: Hashable, Sendable {
        let prefix: String
        let names: [String: String]

        /// Creates a table.
        ///
        /// - Parameters:
        ///   - prefix: Put before the upper-cased key of all other metadata, such as `REFRESHD_`. Clients can send any
        ///     field, so own ones should be told apart by their name.
        ///   - names: Key to field, such as `message_id` to `MESSAGE_ID`. Fields without the prefix stay out of `MESSAGE`.
        /// - Precondition: Each field is one that journald takes from a client.
        package init(prefix: String, names: [String: String]) {
            precondition(JournalEntry.isFieldName(prefix), "not a journal field prefix: \(prefix)")
            for name in names.values {
                precondition(JournalEntry.isFieldName(name), "not a journal field: \(name)")
            }
            self.prefix = prefix
            self.names = names
        }

        func name(for key: String) -> String {
            self.names[key] ?? JournalEntry.fieldName(prefix: self.prefix, key: key)
        }
    }

    package var logLevel: Logger.Level = .info
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let identifier: String
    private let fields: Fields
    private let hidden: Set<String>
    private let transport: Transport
    private let fallback: TextLogHandler

    /// Creates a handler.
    ///
    /// - Parameters:
    ///   - identifier: `SYSLOG_IDENTIFIER`, the word before the pid in `journalctl`'s lines: the program's name.
    ///   - fields: How metadata is named in the journal.
    ///   - fallback: Writes what journald would not take; standard error leads to the journal as well, line by line.
    ///   - transport: Where entries go.
    package init(
        identifier: String,
        fields: Fields,
        fallback: TextLogHandler = TextLogHandler(form: .journalStream),
        transport: @escaping Transport = { JournalRoom.shared.isThere ? $0.send() : -EAGAIN }
    ) {
        self.identifier = identifier
        self.fields = fields
        self.hidden = Set(fields.names.filter { !$0.value.hasPrefix(fields.prefix) }.keys)
        self.fallback = fallback
        self.transport = transport
    }

    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let context = self.metadata.merging(self.metadataProvider?.get() ?? [:]) { _, new in new }
        let line = LogLine(event: event, metadata: context, hidden: self.hidden)
        var entry = JournalEntry()
        entry.add("MESSAGE", line.text)
        entry.add("PRIORITY", "\(event.level.journalPriority)")
        entry.add("SYSLOG_IDENTIFIER", self.identifier)
        entry.add("CODE_FILE", event.file)
        entry.add("CODE_LINE", "\(event.line)")
        entry.add("CODE_FUNC", event.function)
        for (key, value) in line.metadata {
            entry.add(self.fields.name(for: key), value)
        }
        if self.transport(entry) < 0 {
            self.fallback.write(line, level: event.level)
        }
    }
}
