import CLinux
import Glibc
import RefreshCore
import Synchronization

/// A program that runs beside this one, in a process group of its own, with bytes on its standard input.
///
/// It is given no other descriptor of ours, no blocked or ignored signal and no environment but the one named. What it
/// writes goes to `/dev/null`.
final class ChildProcess: Sendable {
    enum End: Hashable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
        case outOfTime
        case cutShort
    }

    struct StartError: Error, Hashable, Sendable {
        var reason: String
    }

    private let id: pid_t
    /// Whether its end was asked for and taken, so that its number may be somebody else's by now.
    private let isOver = Mutex(false)

    /// Starts a program.
    ///
    /// All of the input is in a pipe before the program begins, so nobody has to feed it.
    ///
    /// - Parameters:
    ///   - words: The program's path and its arguments.
    ///   - environment: `NAME=value`, all of it.
    ///   - input: A few hundred KiB at most.
    /// - Throws: `StartError`; nothing runs then.
    init(_ words: [String], environment: [String], input: Secret) throws(StartError) {
        let bytes = input.revealBytes()
        let pipe = unsafe bytes.withUnsafeBufferPointer { unsafe clinux_pipe_holding($0.baseAddress, $0.count) }
        guard pipe >= 0 else { throw StartError(reason: "no pipe for the token: \(Self.text(errno))") }
        defer { close(pipe) }
        let arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        let variables = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer {
            unsafe arguments.forEach { unsafe free($0) }
            unsafe variables.forEach { unsafe free($0) }
        }
        var id: Int32 = 0
        let code = unsafe clinux_spawn(words[0], arguments, variables, pipe, &id)
        guard code == 0 else { throw StartError(reason: "the command cannot be run: \(Self.text(code))") }
        self.id = id
    }

    private static func text(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }

    /// Waits for the end, on a thread that has nothing else to do; called once.
    func wait() -> End {
        var status: Int32 = 0
        // Looked at without taking it first: between the two it still has its number, and `kill` finds no stranger.
        var info = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(self.id), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        return self.isOver.withLock { isOver in
            isOver = true
            while unsafe waitpid(self.id, &status, 0) < 0 {
                guard errno == EINTR else { return .cutShort }
            }
            let signal = status & 0x7F
            return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
        }
    }

    /// Ends it, and whatever it has started in its group.
    func kill() {
        self.isOver.withLock { isOver in
            guard !isOver else { return }
            Glibc.kill(-self.id, SIGKILL)
        }
    }
}
