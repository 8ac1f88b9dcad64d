import RefreshCore
import Synchronization

/// What the two halves of an exchange tell each other: the body, which is pulled by the connection, and the
/// endpoint, which decides.
///
/// `decide` settles for good whether the last byte may leave. So there is one moment before which a failure is proved
/// to be `notSent`, whatever task it is noticed in, and one after which it is not.
final class Release: Sendable {
    enum Decision: Hashable, Sendable {
        /// The last byte may leave; from now on nobody can prove that it did not.
        case released
        /// It will never leave.
        case givenUp(EndpointError.Reason)
        /// It will never leave, because the server has answered without it.
        case answered
    }

    private let decision = OneShot<Decision>()
    private let handedOver = OneShot<Bool>()
    private let answerRead = OneShot<Void>()
    private let connected = Atomic(false)
    private let expiry = Mutex(Expiry())

    private struct Expiry {
        var isPast = false
        var end: (@Sendable () -> Void)?
    }

    /// Whether a connection has taken the head of the request.
    var isConnected: Bool { self.connected.load(ordering: .acquiring) }

    /// - Returns: Whether this call decided; only the first does.
    @discardableResult
    func decide(_ decision: Decision) -> Bool { self.decision.settle(decision) }

    var decided: Decision? { self.decision.settledValue }

    /// True once all but the last byte has been handed to the connection; false when the exchange ended first.
    func isHandedOver() async -> Bool { await self.handedOver.value }

    /// Whether all but the last byte has been handed to the connection by now.
    var hasBeenHandedOver: Bool { self.handedOver.settledValue == true }

    /// Names what cuts the exchange off once its answer takes too long.
    func expires(by end: @escaping @Sendable () -> Void) {
        let isPast = self.expiry.withLock { expiry in
            expiry.end = end
            return expiry.isPast
        }
        // It came before its name.
        if isPast { end() }
    }

    /// The answer takes too long: the exchange is cut off.
    func expire() {
        let end = self.expiry.withLock { expiry in
            expiry.isPast = true
            return expiry.end
        }
        end?()
    }

    /// Whether the answer took too long.
    var isExpired: Bool { self.expiry.withLock { $0.isPast } }

    /// The exchange is over: everybody who waits goes on.
    ///
    /// - Precondition: It is decided.
    func end() {
        precondition(self.decided != nil, "an exchange cannot end undecided")
        self.handedOver.settle(false)
        self.answerRead.settle(())
    }
}

extension Release {
    // The body's half.

    func bodyAskedFor() { self.connected.store(true, ordering: .releasing) }

    /// Waits until the last byte may leave.
    ///
    /// - Throws: `GivenUp` when it may not.
    func leave() async throws(GivenUp) {
        self.handedOver.settle(true)
        switch await self.decision.value {
        case .released:
            return
        case .givenUp:
            throw GivenUp()
        case .answered:
            // A body that throws takes the answer down with it, so the answer is read first.
            await self.answerRead.value
            throw GivenUp()
        }
    }

    /// Thrown into the connection to end a request whose last byte will not come.
    struct GivenUp: Error {}
}
