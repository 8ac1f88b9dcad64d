package import RefreshCore
package import Synchronization

/// What has been counted since the start; read by the metrics call, never reset.
package final class Counters: Sendable {
    package let attempts = Atomic<Int>(0)
    package let renewals = Atomic<Int>(0)
    package let deliveries = Atomic<Int>(0)
    package let tokensServed = Atomic<Int>(0)
    package let wakeUps = Atomic<Int>(0)
    package let commits = Atomic<Int>(0)
    private let failures = Mutex<[Cause: Int]>([:])
    private let deliveryFailures = Mutex<[Cause: Int]>([:])

    package init() {}

    package func countFailure(_ cause: Cause) { self.failures.withLock { $0[cause, default: 0] += 1 } }

    package func countDeliveryFailure(_ cause: Cause) { self.deliveryFailures.withLock { $0[cause, default: 0] += 1 } }

    package var failuresByCause: [Cause: Int] { self.failures.withLock { $0 } }

    package var deliveryFailuresByCause: [Cause: Int] { self.deliveryFailures.withLock { $0 } }
}

extension Atomic where Value == Int {
    package func count() { self.wrappingAdd(1, ordering: .relaxed) }
    package var value: Int { self.load(ordering: .relaxed) }
}
