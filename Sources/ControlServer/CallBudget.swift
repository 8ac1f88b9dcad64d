import NIOCore
import Synchronization

/// How many calls one user may make in a while, over all of his connections (facts T2).
///
/// Nothing is refused: whoever is too fast is read no further before the while is over. One atomic for each user, because
/// it is counted on the hot path; of several loops each may be one call over.
final class CallBudget: Sendable {
    private let limit: Int
    private let window: TimeAmount
    /// The number of the window in the upper half, calls in it in the lower.
    private let spent = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - limit: Calls in each window, 1 or more.
    ///   - window: More than zero.
    init(limit: Int, window: TimeAmount) {
        self.limit = limit
        self.window = window
    }

    private func number(of now: NIODeadline) -> UInt64 {
        // 32 bits of windows of a second are 136 years since the host was started.
        (now.uptimeNanoseconds / UInt64(self.window.nanoseconds)) & 0xFFFF_FFFF
    }

    /// When the next call may be taken; nil for now.
    func opensAt(_ now: NIODeadline) -> NIODeadline? {
        let number = self.number(of: now)
        let spent = self.spent.load(ordering: .relaxed)
        guard spent >> 32 == number, spent & 0xFFFF_FFFF >= UInt64(self.limit) else { return nil }
        let whole = now.uptimeNanoseconds / UInt64(self.window.nanoseconds)
        return .uptimeNanoseconds((whole + 1) * UInt64(self.window.nanoseconds))
    }

    /// Counts a call that was taken.
    func count(_ now: NIODeadline) {
        let number = self.number(of: now)
        var present = self.spent.load(ordering: .relaxed)
        while true {
            let next = present >> 32 == number ? present + 1 : number << 32 | 1
            let (isDone, found) = self.spent.weakCompareExchange(expected: present, desired: next, ordering: .relaxed)
            guard !isDone else { return }
            present = found
        }
    }
}
