import FoundationEssentials
import Synchronization

/// The time by which tokens live and die here: the host's, or one that stands still until it is moved.
///
/// Delays of scripted faults do not ask it: they pass on the host's clock whatever this one says.
package final class PracticeClock: Sendable {
    private struct Reading: Sendable {
        /// Where a manual clock stands, in Unix seconds; nil follows the host.
        var fixed: Double?
        /// What was added by hand, in seconds.
        var advanced: Double
    }

    private let reading: Mutex<Reading>

    /// Makes a clock that follows the host's.
    package init() {
        self.reading = Mutex(Reading(fixed: nil, advanced: 0))
    }

    /// Makes a clock that stands at `start`, in Unix seconds.
    package init(manual start: Int) {
        self.reading = Mutex(Reading(fixed: Double(start), advanced: 0))
    }

    /// Unix seconds.
    package var now: Double {
        self.reading.withLock { ($0.fixed ?? Date().timeIntervalSince1970) + $0.advanced }
    }

    /// Moves the clock; one that follows the host stays ahead by as much.
    package func advance(by duration: Duration) {
        self.reading.withLock { $0.advanced += duration / .seconds(1) }
    }
}
