@testable import ControlServer
import NIOCore
import Testing

@Suite struct ConnectionTimersTests {
    private func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(1_000_000_000) + .seconds(seconds) }

    private func timers() -> ConnectionTimers {
        var timers = ConnectionTimers(limits: ControlLimits())
        timers.active(at: self.at(0))
        return timers
    }

    @Test func `a reader who takes a byte now and then is not stuck`() {
        var timers = self.timers()
        timers.written = 1_000
        for second in 0..<100 as Range<Int64> {
            // One byte every nine seconds is progress, if little.
            timers.look(waiting: 1_000 - Int(second / 9), isBusy: false, at: self.at(second))
            #expect(timers.overdue(at: self.at(second)) == nil)
        }
    }

    @Test func `a reader who takes nothing for ten seconds is slow, though more is written to him meanwhile`() {
        var timers = self.timers()
        timers.written = 1_000
        timers.look(waiting: 400, isBusy: true, at: self.at(0))
        timers.written = 1_500
        timers.look(waiting: 900, isBusy: true, at: self.at(9))
        #expect(timers.overdue(at: self.at(9)) == nil)
        #expect(timers.overdue(at: self.at(10)) == .slowReader)
    }

    @Test func `the time of a message is counted from its first byte`() {
        var timers = self.timers()
        timers.messageBegan(at: self.at(0))
        timers.messageBegan(at: self.at(4))
        #expect(timers.overdue(at: self.at(4)) == nil)
        #expect(timers.overdue(at: self.at(5)) == .halfMessage)
        timers.messageEnded()
        timers.messageBegan(at: self.at(6))
        #expect(timers.overdue(at: self.at(10)) == nil)
    }

    @Test func `a connection is not idle while a call is under way`() {
        var timers = self.timers()
        timers.look(waiting: 0, isBusy: true, at: self.at(0))
        #expect(timers.overdue(at: self.at(10_000)) == nil)
        timers.look(waiting: 0, isBusy: false, at: self.at(10_000))
        #expect(timers.overdue(at: self.at(10_000)) == .idle)
    }
}
