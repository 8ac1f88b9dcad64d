/// A place in the program at which a test may have it die, between two steps of a refresh (facts, catalogue A).
///
/// Debug builds alone know the names and the switch: release builds contain neither (facts T18, I15).
#if REFRESHD_KILL_POINTS
import Glibc
import Synchronization

package enum KillPoint: String, CaseIterable, Sendable {
    case beforeClaim = "before-claim"
    case afterClaim = "after-claim"
    case afterIntent = "after-intent"
    case afterSentMark = "after-sent-mark"
    case afterRelease = "after-release"
    case afterAnswer = "after-answer"
    case afterKeep = "after-keep"
    case afterSync = "after-sync"
    case whileParsing = "while-parsing"
    case afterParse = "after-parse"
    case inCommit = "in-commit"
    case afterCommit = "after-commit"
    case afterPublish = "after-publish"
    case afterFree = "after-free"
    case inRecovery = "in-recovery"
    case afterRecovery = "after-recovery"
    case inCheckpoint = "in-checkpoint"
    case inMigration = "in-migration"
    case inBackup = "in-backup"
    case inRekey = "in-rekey"
    case inReload = "in-reload"
    case beforeDelivery = "before-delivery"
    case afterDelivery = "after-delivery"

    private struct Order: Sendable {
        var point: KillPoint
        var subject: String
        var passages: Int
    }

    /// `REFRESHD_KILL_AT=point[:n[:subject]]`: at the n-th passage, of this subject (an account) or of any.
    private static let order: Order? = {
        guard let text = unsafe getenv("REFRESHD_KILL_AT").map({ unsafe String(cString: $0) }) else { return nil }
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard let point = KillPoint(rawValue: parts[0]) else {
            let text = Array("REFRESHD_KILL_AT names no kill point\n".utf8)
            _ = unsafe write(STDERR_FILENO, text, text.count)
            exit(64)
        }
        return Order(
            point: point,
            subject: parts.count > 2 ? parts[2] : "",
            passages: parts.count > 1 ? Int(parts[1]) ?? 1 : 1
        )
    }()
    private static let passed = Atomic<Int>(0)

    /// `REFRESHD_KILL_BY=segv` or `trap`: not unseen, but as a program dies of a mistake of its own (facts A24).
    private static let manner = unsafe getenv("REFRESHD_KILL_BY").map { unsafe String(cString: $0) }

    /// Dies here if a test has ordered it; a passage that does not know its subject counts for any.
    package func pass(_ subject: @autoclosure () -> String = "") {
        guard let order = Self.order, order.point == self else { return }
        let subject = subject()
        guard order.subject.isEmpty || subject.isEmpty || order.subject == subject else { return }
        guard Self.passed.wrappingAdd(1, ordering: .relaxed).newValue == order.passages else { return }
        switch Self.manner {
        case "segv": kill(getpid(), SIGSEGV)
        // A trap of the language, which is what is asked for.
        case "trap": preconditionFailure("the order was to die here")
        default: kill(getpid(), SIGKILL)
        }
    }
}
#else
package enum KillPoint {
    case beforeClaim, afterClaim, afterIntent, afterSentMark, afterRelease, afterAnswer, afterKeep, afterSync
    case whileParsing, afterParse, inCommit, afterCommit, afterPublish, afterFree, inRecovery, afterRecovery
    case inCheckpoint, inMigration, inBackup, inRekey, inReload, beforeDelivery, afterDelivery

    @inline(__always)
    package func pass(_ subject: @autoclosure () -> String = "") {}
}
#endif
