import Glibc

/// What this process has used up, by the kernel's count.
enum Usage {
    /// Processor time of all threads, in seconds.
    static var processSeconds: Double { self.seconds(CLOCK_PROCESS_CPUTIME_ID) }

    /// Processor time of the calling thread, in seconds.
    static var threadSeconds: Double { self.seconds(CLOCK_THREAD_CPUTIME_ID) }

    /// A clock for intervals, in seconds.
    static var now: Double { self.seconds(CLOCK_MONOTONIC) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var moment = timespec()
        // The call writes into `moment` and keeps no pointer to it.
        unsafe clock_gettime(clock, &moment)
        return Double(moment.tv_sec) + Double(moment.tv_nsec) / 1e9
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
