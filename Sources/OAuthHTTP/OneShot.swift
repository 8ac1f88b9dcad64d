import Synchronization

/// A value that is settled once and may be waited for by any number of tasks, before and after.
///
/// Of two who settle it, the first wins and is told so; that makes it the place where a race is decided. Waiting
/// does not end by cancellation: whoever holds one settles it in every case.
final class OneShot<Value: Sendable>: Sendable {
    private enum State: Sendable {
        case waiting([CheckedContinuation<Value, Never>])
        case settled(Value)
    }

    private let state = Mutex<State>(.waiting([]))

    /// Settles the value if nobody has.
    ///
    /// - Returns: Whether this call did it.
    @discardableResult
    func settle(_ value: Value) -> Bool {
        let waiters: [CheckedContinuation<Value, Never>]? = self.state.withLock { state in
            guard case .waiting(let waiters) = state else { return nil }
            state = .settled(value)
            return waiters
        }
        for waiter in waiters ?? [] { waiter.resume(returning: value) }
        return waiters != nil
    }

    /// The value, as soon as there is one.
    var value: Value {
        get async {
            await withCheckedContinuation { continuation in
                let settled: Value? = self.state.withLock { state in
                    switch state {
                    case .settled(let value): return value
                    case .waiting(let waiters):
                        state = .waiting(waiters + [continuation])
                        return nil
                    }
                }
                if let settled { continuation.resume(returning: settled) }
            }
        }
    }

    /// The value if there is one by now.
    var settledValue: Value? {
        self.state.withLock { state in
            switch state {
            case .settled(let value): value
            case .waiting: nil
            }
        }
    }
}
