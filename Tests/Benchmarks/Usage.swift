import Glibc

/// What this process has used up, by the kernel's count.
enum Usage {
    /// Processor time of all threads, in seconds.
    static var processSeconds: Double { self.seconds(CLOCK_PROCESS_CPUTIME_ID) }

    /// Processor time of the calling thread, in seconds.
    static var threadSeconds: Double { self.seconds(CLOCK_THREAD_CPUTIME_ID) }

    /// A clock for intervals, in seconds.
    static var now: Double { self.seconds(CLOCK_MONOTONIC) }

    private static func seconds(_ clock: clockid_t) -> Double { Double(self.nanoseconds(clock)) / 1e9 }

    /// The reading of one of the kernel's clocks.
    static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        // Two words instead of a `timespec`: where Foundation is imported into the module, an optimized build takes that
        // type's members for CoreFoundation's, which cannot be imported.
        var moment = (seconds: 0, nanoseconds: 0)
        // The call writes two words and keeps no pointer to them.
        unsafe withUnsafeMutablePointer(to: &moment) { words in
            _ = unsafe words.withMemoryRebound(to: timespec.self, capacity: 1) { unsafe clock_gettime(clock, $0) }
        }
        return UInt64(moment.seconds) * 1_000_000_000 + UInt64(moment.nanoseconds)
    }

    /// The resident set, in bytes; 0 where /proc does not tell.
    static var residentBytes: Int { self.status("VmRSS:") }

    /// The largest resident set so far, in bytes; 0 where /proc does not tell.
    static var peakBytes: Int { self.status("VmHWM:") }

    private static func status(_ name: String) -> Int {
        guard let file = unsafe fopen("/proc/self/status", "r") else { return 0 }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 8_192)
        // The buffer is as long as is said.
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        for line in String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n") where line.hasPrefix(name) {
            return (line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0)
                * 1_024
        }
        return 0
    }
}
