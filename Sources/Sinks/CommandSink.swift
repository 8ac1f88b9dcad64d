import Dispatch
package import RefreshCore

/// Runs a program for each token, with the token on its standard input.
///
/// Exit code 0 means delivered; anything else, and a program that does not end in time, is tried again. What it writes is
/// thrown away: nobody knows whether it repeats the token.
package struct CommandSink: TokenSink {
    let settings: CommandSettings
    let clock: any WallClock
    let queue: DispatchQueue

    package func deliver(_ message: SinkMessage) async throws(SinkError) {
        let text = try TokenText(message, self.settings.format, utcShift: self.clock.utcShift)
        let child: ChildProcess
        do throws(ChildProcess.StartError) {
            child = try ChildProcess(self.settings.words, environment: self.environment(message), input: text.bytes)
        } catch {
            throw .unavailable(.sinkRefused, message: error.reason, retryAfter: nil)
        }
        let end = await withTaskGroup(of: ChildProcess.End?.self) { group in
            group.addTask { await self.end(of: child) }
            group.addTask { await self.timeLimit() }
            defer { group.cancelAll() }
            // The first to come is the program's end, its time limit, or the end of the daemon.
            let first = await group.next() ?? nil
            guard first == nil || first == .outOfTime else { return first }
            child.kill()
            // Waited for, so that no second one runs beside it.
            for await end in group where end != nil && end != .outOfTime { break }
            return first ?? .cutShort
        }
        switch end {
        case .exited(0)?: return
        case .exited(let code)?:
            throw .unavailable(.sinkRefused, message: "the command ended with the exit code \(code)", retryAfter: nil)
        case .killed(let signal)?:
            throw .unavailable(.sinkRefused, message: "the command was ended by signal \(signal)", retryAfter: nil)
        case .outOfTime?:
            throw .unavailable(.timeout, message: "the command did not end in time and was killed", retryAfter: nil)
        case .cutShort?, nil:
            throw .unavailable(.sinkRefused, message: "the command was cut short", retryAfter: nil)
        }
    }

    /// Whom the token belongs to; nothing of what this process was given.
    private func environment(_ message: SinkMessage) -> [String] {
        var environment = [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
            "REFRESHD_ACCOUNT=\(message.account)", "REFRESHD_GENERATION=\(message.token.generation)",
        ]
        if let expiresAt = message.token.facts.expiresAt {
            environment.append("REFRESHD_EXPIRES_AT=\((expiresAt + self.clock.utcShift).seconds)")
        }
        return environment
    }

    private func end(of child: ChildProcess) async -> ChildProcess.End? {
        await withCheckedContinuation { continuation in
            self.queue.async { continuation.resume(returning: child.wait()) }
        }
    }

    private func timeLimit() async -> ChildProcess.End? {
        do {
            let end = self.clock.now + self.settings.timeLimit
            try await self.clock.sleep(until: end, tolerance: .milliseconds(100))
            return .outOfTime
        } catch {
            return nil
        }
    }
}
