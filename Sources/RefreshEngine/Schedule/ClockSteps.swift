import CLinux
package import Dispatch
import Glibc
import Synchronization

/// Tells when the wall clock was set: a timerfd with cancel-on-set, read by a Dispatch source.
///
/// Nothing polls: the descriptor becomes readable in the moment of the step, and never otherwise.
package final class ClockSteps: Sendable {
    private let source: Mutex<any DispatchSourceRead>

    /// Sets the timer; nil where the kernel refuses it, and the daemon then runs on without the notice.
    ///
    /// - Parameters:
    ///   - queue: Where `stepped` is called.
    ///   - stepped: Called after each step.
    package init?(queue: DispatchQueue, stepped: @escaping @Sendable () -> Void) {
        let descriptor = clinux_clock_step_fd()
        guard descriptor >= 0 else { return nil }
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler {
            var expirations: UInt64 = 0
            // Fails with ECANCELED after a step. Whatever it says, the timer is set anew, or the source would fire on.
            let count = unsafe read(descriptor, &expirations, MemoryLayout<UInt64>.size)
            let wasCanceled = count < 0 && errno == ECANCELED
            _ = clinux_clock_step_rearm(descriptor)
            if wasCanceled { stepped() }
        }
        source.setCancelHandler { close(descriptor) }
        source.activate()
        self.source = Mutex(source)
    }

    deinit { self.source.withLock { $0.cancel() } }
}
