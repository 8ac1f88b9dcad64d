import Logging
import TestSupport
import Testing

@Suite struct RecordingLogTests {
    @Test func `a secret is found in a message and in a value, and nothing else is`() {
        let log = RecordingLog()
        log.logger.trace("quiet", metadata: ["account": "box/alice"])
        #expect(log.entries.map(\.message) == ["quiet"])
        #expect(log.entries[0].metadata == ["account": "box/alice"])
        #expect(log.leaks.isEmpty)
        log.logger.error("a canary-at-1 sang")
        log.logger.debug("quiet", metadata: ["token": "canary-rt-1"])
        #expect(log.leaks.count == 2)
    }
}
