import NIOCore

/// The three deadlines of one connection, decided from what it tells; one timer of the event loop serves them all.
struct ConnectionTimers {
    /// Why a connection is closed.
    enum Reason: String, Sendable {
        case halfMessage = "a message was begun and not ended"
        case slowReader = "answers were not read"
        case idle = "nothing was asked"
    }

    /// Bytes handed to the channel so far.
    var written = 0
    private let limits: ControlLimits
    private var lastActive: NIODeadline = .uptimeNanoseconds(0)
    private var messageBegan: NIODeadline?
    /// Since when the reader has taken nothing, and how many bytes it had taken by then.
    private var stuck: (since: NIODeadline, taken: Int)?
    private var isBusy = false
    private var armed: (deadline: NIODeadline, timer: Scheduled<Void>)?

    init(limits: ControlLimits) { self.limits = limits }

    mutating func active(at now: NIODeadline) { self.lastActive = now }

    /// A message is incomplete.
    ///
    /// Its first byte is what counts, not the last that came.
    mutating func messageBegan(at now: NIODeadline) { self.messageBegan = self.messageBegan ?? now }

    mutating func messageEnded() { self.messageBegan = nil }

    /// Takes note of how far the reader has got.
    ///
    /// - Parameters:
    ///   - waiting: Bytes in the channel that the kernel has not taken.
    ///   - isBusy: Calls are under way.
    ///   - now: The loop's time.
    mutating func look(waiting: Int, isBusy: Bool, at now: NIODeadline) {
        self.isBusy = isBusy
        guard waiting > 0 else {
            self.stuck = nil
            return
        }
        let taken = self.written - waiting
        if self.stuck.map({ $0.taken < taken }) ?? true { self.stuck = (now, taken) }
    }

    private var messageDeadline: NIODeadline? { self.messageBegan.map { $0 + TimeAmount(self.limits.messageTime) } }

    private var progressDeadline: NIODeadline? { self.stuck.map { $0.since + TimeAmount(self.limits.progressTime) } }

    private var idleDeadline: NIODeadline? {
        self.isBusy || self.stuck != nil ? nil : self.lastActive + TimeAmount(self.limits.idleTime)
    }

    /// A deadline that the timer would miss; nil when it is early enough.
    ///
    /// A timer that fires too early is cheap: it is set anew. So it is not moved each time that something happens.
    func earlierDeadline() -> NIODeadline? {
        var next = self.messageDeadline
        if let deadline = self.progressDeadline { next = min(next ?? deadline, deadline) }
        if let deadline = self.idleDeadline { next = min(next ?? deadline, deadline) }
        guard let next else { return nil }
        if let armed, armed.deadline <= next { return nil }
        return next
    }

    mutating func arm(_ deadline: NIODeadline, _ timer: Scheduled<Void>) {
        self.armed?.timer.cancel()
        self.armed = (deadline, timer)
    }

    mutating func fired() { self.armed = nil }

    mutating func stop() {
        self.armed?.timer.cancel()
        self.armed = nil
    }

    /// Which time is up.
    func overdue(at now: NIODeadline) -> Reason? {
        if let deadline = self.messageDeadline, deadline <= now { return .halfMessage }
        if let deadline = self.progressDeadline, deadline <= now { return .slowReader }
        if let deadline = self.idleDeadline, deadline <= now { return .idle }
        return nil
    }
}
