import RefreshCore
import Testing

@Suite struct BreakerTests {
    private let start = Timestamp(seconds: 1_000)

    private func opened() -> Breaker {
        var breaker = Breaker()
        for _ in 0..<5 { breaker.failed(at: self.start, phase: 0) }
        return breaker
    }

    @Test func `it stays closed below the threshold, and a success starts the count anew`() {
        var breaker = Breaker()
        for _ in 0..<4 { breaker.failed(at: self.start, phase: 0) }
        #expect(breaker.state(at: self.start) == .closed)
        breaker.succeeded()
        for _ in 0..<4 { breaker.failed(at: self.start, phase: 0) }
        #expect(breaker.state(at: self.start) == .closed)
        #expect(breaker.pass(at: self.start) == nil)
    }

    @Test func `at the threshold it opens for the first step`() {
        var breaker = self.opened()
        #expect(breaker.state(at: self.start) == .open)
        #expect(breaker.pass(at: self.start) == self.start + .seconds(1))
        #expect(breaker.pass(at: self.start + .milliseconds(999)) == self.start + .seconds(1))
    }

    @Test func `half open lets one probe through and nobody else`() {
        var breaker = self.opened()
        let later = self.start + .seconds(1)
        #expect(breaker.state(at: later) == .halfOpen)
        #expect(breaker.pass(at: later) == nil)
        for _ in 0..<10 { #expect(breaker.pass(at: later + .seconds(100)) == Timestamp(milliseconds: .max)) }
        #expect(breaker.state(at: later) == .halfOpen)
    }

    @Test func `a probe that succeeds closes it`() {
        var breaker = self.opened()
        _ = breaker.pass(at: self.start + .seconds(1))
        breaker.succeeded()
        #expect(breaker.state(at: self.start + .seconds(1)) == .closed)
        for _ in 0..<10 { #expect(breaker.pass(at: self.start + .seconds(1)) == nil) }
        #expect(breaker.failures == 0)
    }

    @Test func `each probe that fails opens it for longer, up to the last step`() {
        var breaker = self.opened()
        var now = self.start
        var last = Duration.zero
        for _ in 0..<20 {
            let until = breaker.pass(at: now)
            guard let until else {
                Issue.record("open was passed")
                return
            }
            #expect(until - now >= last)
            last = until - now
            now = until
            #expect(breaker.pass(at: now) == nil)
            breaker.failed(at: now, phase: 0)
        }
        #expect(last == .seconds(15))
    }

    @Test func `a probe that was never sent makes room for the next, and changes nothing else`() {
        var breaker = self.opened()
        let later = self.start + .seconds(1)
        #expect(breaker.pass(at: later) == nil)
        breaker.abandoned()
        #expect(breaker.failures == 5)
        #expect(breaker.pass(at: later) == nil)
        #expect(breaker.pass(at: later) == Timestamp(milliseconds: .max))
    }

    @Test func `opened by order, only a probe closes it, and a failed one opens it for a second at least`() {
        var breaker = Breaker()
        let until = self.start + .seconds(60)
        breaker.trip(until: until)
        breaker.succeeded()
        #expect(breaker.pass(at: self.start) == until)
        breaker.failed(at: until, phase: 0)
        #expect(breaker.state(at: until) == .halfOpen, "it was under way before")
        #expect(breaker.pass(at: until) == nil)
        breaker.failed(at: until, phase: 0)
        #expect(breaker.pass(at: until) == until + .seconds(1))
        #expect(breaker.pass(at: until + .seconds(1)) == nil)
        breaker.succeeded()
        #expect(breaker.state(at: until) == .closed)
    }

    @Test func `over a restart it stays open, and a probe that was under way is none any more`() {
        var old = self.opened()
        _ = old.pass(at: self.start + .seconds(1))
        var new = Breaker()
        new.restore(failures: old.failures, until: old.opensAt)
        #expect(new.pass(at: self.start) == self.start + .seconds(1))
        #expect(new.pass(at: self.start + .seconds(1)) == nil)
        new.restore(failures: 0, until: nil)
        #expect(new.state(at: self.start) == .closed)
    }

    @Test func `whatever happens, never two probes at once`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            var breaker = Breaker(threshold: Int.random(in: 1...6, using: &random))
            var now = self.start
            var probes = 0
            for _ in 0..<200 {
                now = now + .milliseconds(Int64.random(in: 0...2_000, using: &random))
                let isClosed = breaker.state(at: now) == .closed
                switch Int.random(in: 0..<6, using: &random) {
                case 0, 1, 2:
                    guard breaker.pass(at: now) == nil else { continue }
                    if !isClosed { probes += 1 }
                case 3:
                    breaker.succeeded()
                    probes = 0
                case 4:
                    breaker.failed(at: now, phase: Double.random(in: 0..<1, using: &random))
                    probes = 0
                default:
                    breaker.abandoned()
                    probes = 0
                }
                #expect(probes <= 1, "seed \(seed)")
            }
        }
    }
}
