import RefreshCore
@testable import RefreshEngine
import Synchronization

/// A third party, as one simulated process reaches it.
struct SimulatedSink: TokenSink {
    let world: World
    let clock: SimulatedClock
    let name: String

    func deliver(_ message: SinkMessage) async throws(SinkError) {
        let away = SinkError.unavailable(.network, message: "the simulation's weather", retryAfter: nil)
        guard !self.clock.isOver else { throw away }
        let serial = World.serial(message.token.accessToken.reveal())
        self.world.checkDelivery(message.account, serial, message.token.generation, to: self.name)
        let delay = self.world.draw { Int64.random(in: 1...200, using: &$0) }
        let fate = self.world.draw { Int.random(in: 0..<40, using: &$0) }
        await self.clock.pause(for: .milliseconds(delay))
        let (isAway, isCalm) = self.world.state.withLock { ($0.isSinkAway, $0.isCalm) }
        guard !self.clock.isOver, !isAway, isCalm || fate > 0 else { throw away }
        guard let number = self.world.number(of: message.account) else { return }
        self.world.state.withLock { state in
            state.tally.deliveries += 1
            guard self.world.flaw != .sinkForgets else { return }
            let era = serial.flatMap { state.eras[$0] } ?? state.removals[number]
            state.accepted[self.name, default: [:]][number] = World.Version(
                era: era,
                generation: message.token.generation
            )
            // The third party uses what it is given.
            if let serial { state.ledger.use(serial) }
        }
        self.world.trace("sink \(self.name) has \(message.account) generation \(message.token.generation)")
        // It took it, and its answer got lost.
        if fate == 1, !isCalm { throw away }
    }
}
