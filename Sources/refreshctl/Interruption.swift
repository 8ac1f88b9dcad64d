import Glibc
import NIOPosix

/// Signals that ask the program to end, made into the cancellation of a task.
///
/// Left to themselves they would end the program where it stands, with a terminal that shows nothing any more.
enum Interruption {
    /// What the handler writes into: a signal, or 0 once nobody waits for one.
    private static let ends: (read: Int32, write: Int32)? = {
        var ends: [Int32] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }()

    /// Runs `body`, and cancels it when a signal comes.
    ///
    /// - Throws: `CancellationError` after a signal, or what `body` throws.
    static func endsEarly<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R {
        guard Self.ends != nil else { return try await body() }
        let before = [SIGINT, SIGTERM, SIGHUP].map { number in
            (number, signal(number) { Interruption.note($0) })
        }
        defer { for (number, handler) in before { signal(number, handler) } }
        return try await withThrowingTaskGroup(of: R?.self) { group in
            group.addTask { try await body() }
            group.addTask { try await NIOThreadPool.singleton.runIfActive { Self.wait() } }
            defer {
                group.cancelAll()
                Self.note(0)
            }
            guard let result = try await group.next(), let result else { throw CancellationError() }
            return result
        }
    }

    /// Called in a signal handler: nothing in it takes a lock.
    private static func note(_ number: Int32) {
        guard let ends = Self.ends else { return }
        // A second Ctrl-C ends the program whatever holds it up. A terminal that is closed may say so twice.
        if number == SIGINT || number == SIGTERM { signal(number, SIG_DFL) }
        var byte = UInt8(truncatingIfNeeded: number)
        let before = errno
        _ = unsafe write(ends.write, &byte, 1)
        errno = before
    }

    private static func wait<R>() -> R? {
        var byte: UInt8 = 0
        while let ends = Self.ends, unsafe read(ends.read, &byte, 1) < 0, errno == EINTR {}
        return nil
    }
}
