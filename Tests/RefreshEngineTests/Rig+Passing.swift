import RefreshCore
@testable import RefreshEngine
import Synchronization
import TestSupport
import Testing

extension Rig {
    /// Lets time pass, moment by moment, as the engine asked to be woken.
    func pass(_ time: Duration) async {
        let end = self.clock.now + time
        while true {
            await eventually("those under way end") {
                self.engine.state.withLock { state in
                    !state.records.contains { [.inFlight, .committing].contains($0?.machine.phase) }
                }
            }
            self.engine.pump()
            guard self.engine.attemptsInFlight == 0 else { continue }
            guard let moment = self.wakeSource.moment, moment <= end else { break }
            self.turnWhenDue()
        }
        self.clock.advance(to: end)
    }
}
