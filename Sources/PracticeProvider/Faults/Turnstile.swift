import Synchronization

/// Holds requests until somebody lets them go.
///
/// Makes “the server has committed and not yet answered” a place where a test can stand still, without any waiting by
/// the clock.
final class Turnstile: Sendable {
    private struct Hall: Sendable {
        var held: [Int: CheckedContinuation<Void, any Error>] = [:]
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var nextTicket = 0
        /// Tickets whose task was cancelled before it could be held.
        var cancelled: Set<Int> = []
    }

    private let hall = Mutex(Hall())

    /// Returns after `release()`.
    ///
    /// - Throws: `CancellationError` when the connection's task is cancelled meanwhile.
    func pass() async throws {
        let ticket = self.hall.withLock { hall in
            hall.nextTicket += 1
            return hall.nextTicket
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let (isCancelled, ready) = self.hall.withLock { hall in
                    if hall.cancelled.remove(ticket) != nil { return (true, [CheckedContinuation<Void, Never>]()) }
                    hall.held[ticket] = continuation
                    let ready = hall.watchers.filter { $0.count <= hall.held.count }.map(\.continuation)
                    hall.watchers.removeAll { $0.count <= hall.held.count }
                    return (false, ready)
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
                for watcher in ready { watcher.resume() }
            }
        } onCancel: {
            let continuation = self.hall.withLock { hall in
                let continuation = hall.held.removeValue(forKey: ticket)
                if continuation == nil { hall.cancelled.insert(ticket) }
                return continuation
            }
            continuation?.resume(throwing: CancellationError())
        }
    }

    /// Lets everyone go who is held now.
    func release() {
        let released = self.hall.withLock { hall in
            defer { hall.held = [:] }
            return hall.held.values.map { $0 }
        }
        for continuation in released { continuation.resume() }
    }

    /// Returns once `count` are held.
    func arrived(_ count: Int) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isThere = self.hall.withLock { hall in
                guard hall.held.count < count else { return true }
                hall.watchers.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}
