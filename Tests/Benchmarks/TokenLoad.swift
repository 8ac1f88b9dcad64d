import Dispatch
import Glibc

/// Calls over a Unix socket from one thread: each connection has one call outstanding.
struct TokenLoad: Sendable {
    let path: String
    let connections: Int
    /// Whole requests, the NUL included; taken at random.
    let requests: [[UInt8]]

    struct Figures: Sendable {
        var count = 0
        var seconds = 0.0
        /// Of the loading thread alone.
        var processorSeconds = 0.0
        /// Microseconds from the request to the last byte of the answer, sorted.
        var latencies: [Float] = []

        /// The time within which a share of the calls was answered.
        ///
        /// - Parameter share: In `0...1`.
        /// - Returns: Microseconds; 0 when nothing was asked.
        func latency(_ share: Double) -> Double {
            guard !self.latencies.isEmpty else { return 0 }
            return Double(self.latencies[min(self.latencies.count - 1, Int(Double(self.latencies.count) * share))])
        }
    }

    /// Loads the server for some time.
    ///
    /// - Throws: `LoadFailure` when it cannot be reached, hangs up, or answers with anything but a token.
    func run(seconds: Double) async throws -> Figures {
        let result = await withCheckedContinuation { continuation in
            // A thread of its own: it never waits for anything but the sockets, so it has no place in a pool.
            DispatchQueue(label: "load", qos: .userInitiated).async {
                continuation.resume(returning: Result { try self.load(seconds) })
            }
        }
        return try result.get()
    }

    private func load(_ seconds: Double) throws -> Figures {
        var polls: [pollfd] = []
        defer { for poll in polls { close(poll.fd) } }
        while polls.count < self.connections {
            polls.append(pollfd(fd: try self.connected(), events: Int16(POLLIN), revents: 0))
        }
        var figures = Figures()
        figures.latencies.reserveCapacity(Int(seconds * 400_000))
        var asked = [Double](repeating: 0, count: polls.count)
        var random = UInt64(88_172_645_463_325_252)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let processor = Usage.threadSeconds
        let start = Usage.now
        for index in polls.indices {
            asked[index] = Usage.now
            try self.ask(polls[index].fd, &random)
        }
        while true {
            // As many entries as are there, and nothing of them is kept.
            guard unsafe poll(&polls, nfds_t(polls.count), 5_000) > 0 else {
                throw LoadFailure("no answer for five seconds")
            }
            for index in polls.indices where polls[index].revents != 0 {
                let count = unsafe recv(polls[index].fd, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                guard count > 0 else { throw LoadFailure("the server hung up") }
                // The closing NUL: the one answer that was asked for is complete.
                guard buffer[count - 1] == 0 else { continue }
                guard buffer.starts(with: Self.start) else { throw LoadFailure("no token came") }
                let now = Usage.now
                figures.latencies.append(Float((now - asked[index]) * 1e6))
                asked[index] = now
                try self.ask(polls[index].fd, &random)
            }
            if Usage.now - start >= seconds { break }
        }
        figures.seconds = Usage.now - start
        figures.processorSeconds = Usage.threadSeconds - processor
        figures.count = figures.latencies.count
        figures.latencies.sort()
        return figures
    }

    private static let start = Array(#"{"parameters":{"token":{"access_token":"#.utf8)

    private func ask(_ socket: Int32, _ random: inout UInt64) throws {
        random ^= random &<< 13
        random ^= random &>> 7
        random ^= random &<< 17
        let request = self.requests[Int(random % UInt64(self.requests.count))]
        // The buffer is as long as is said.
        guard unsafe send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw LoadFailure("the server hung up")
        }
    }

    private func connected() throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw LoadFailure("no socket") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(self.path.utf8)
        // The kernel's limit, the closing zero included.
        guard path.count < 108 else { throw LoadFailure("the path is too long") }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let code = unsafe withUnsafePointer(to: &address) { address in
            // Every socket address begins with its family, by which the kernel tells them apart.
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(descriptor, $0, size) }
        }
        guard code == 0 else {
            close(descriptor)
            throw LoadFailure("the server cannot be reached")
        }
        return descriptor
    }
}

/// Why a run measured nothing.
struct LoadFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
