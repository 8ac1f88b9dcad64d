/// What a `command` sink runs.
package struct CommandSettings: Hashable, Sendable {
    /// An absolute path and the arguments; at least the path.
    package let words: [String]
    package let format: TokenFormat
    /// How long it may run.
    package let timeLimit: Duration

    /// Checks the settings.
    ///
    /// - Throws: `SinkSettingsError.command` unless the first word is an absolute path, or if a word holds a NUL.
    package init(words: [String], format: TokenFormat, timeLimit: Duration) throws(SinkSettingsError) {
        guard words.first?.hasPrefix("/") == true, !words.contains(where: { $0.utf8.contains(0) }) else {
            throw .command
        }
        self.words = words
        self.format = format
        self.timeLimit = timeLimit
    }
}
