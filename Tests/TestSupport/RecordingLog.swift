package import Logging
import Synchronization

/// A log that is kept in memory, so that a test can ask what was said, and that no secret was.
package final class RecordingLog: Sendable {
    package struct Entry: Sendable {
        package var level: Logger.Level
        package var message: String
        package var metadata: [String: String]
    }

    /// What every secret of a test holds.
    package static let canary = "canary-"

    private let state = Mutex<[Entry]>([])

    package init() {}

    package var entries: [Entry] { self.state.withLock { $0 } }

    /// A logger that writes here, everything from `trace` on.
    package var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = .trace
        return logger
    }

    /// The entries that hold a secret; there must be none.
    package var leaks: [Entry] {
        self.entries.filter { entry in
            ([entry.message] + entry.metadata.values).contains { $0.contains(Self.canary) }
        }
    }

    fileprivate func append(_ entry: Entry) { self.state.withLock { $0.append(entry) } }
}

private struct Handler: LogHandler {
    let log: RecordingLog
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = self.metadata.merging(event.metadata ?? [:]) { $1 }
        self.log.append(
            RecordingLog.Entry(
                level: event.level,
                message: "\(event.message)",
                metadata: all.mapValues { "\($0)" }
            )
        )
    }
}
