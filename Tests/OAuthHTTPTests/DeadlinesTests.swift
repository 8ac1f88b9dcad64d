@testable import OAuthHTTP
import LoopbackServer
import RefreshCore
import Synchronization
import Testing

@Suite struct DeadlinesTests {
    private let clock = HandClock()

    /// What has been missed, in order; gives its reader a turn once something was.
    private final class Missed: Sendable {
        private let numbers = Mutex<[Int]>([])
        var all: [Int] { self.numbers.withLock { $0 } }
        func note(_ number: Int) { self.numbers.withLock { $0.append(number) } }

        func count(is count: Int) async {
            for _ in 0..<2_000_000 where self.all.count < count { await Task.yield() }
        }
    }

    @Test func `a deadline is missed once, and one that is cleared is not`() async {
        let deadlines = Deadlines(clock: self.clock)
        let missed = Missed()
        let start = self.clock.now
        let numbers = (0..<10).map { number in
            deadlines.set(start + .seconds(10)) { missed.note(number) }
        }
        for (index, number) in numbers.enumerated() where !index.isMultiple(of: 2) { deadlines.clear(number) }
        await self.clock.sleeperArrived(until: start + .seconds(10))
        self.clock.advance(by: .milliseconds(9_999))
        #expect(missed.all.isEmpty)
        self.clock.advance(by: .milliseconds(1))
        await missed.count(is: 5)
        let last = deadlines.set(start + .seconds(20)) { missed.note(100) }
        await self.clock.sleeperArrived(until: start + .seconds(20))
        self.clock.advance(by: .seconds(10))
        await missed.count(is: 6)
        deadlines.clear(last)
        #expect(missed.all.sorted() == [0, 2, 4, 6, 8, 100])
        #expect(deadlines.count == 0)
    }

    @Test func `one sleeper serves all, whatever the order they are set in`() async {
        let deadlines = Deadlines(clock: self.clock)
        let missed = Missed()
        let start = self.clock.now
        for seconds in [30, 10, 20, 40, 5, 25] {
            _ = deadlines.set(start + .seconds(seconds)) { missed.note(seconds) }
        }
        var sofar = 0
        for (seconds, step) in [(5, 5), (10, 5), (20, 10), (25, 5), (30, 5), (40, 10)] {
            await self.clock.sleeperArrived(until: start + .seconds(seconds))
            #expect(self.clock.sleeperCount == 1)
            self.clock.advance(by: .seconds(step))
            sofar += 1
            await missed.count(is: sofar)
        }
        #expect(missed.all == [5, 10, 20, 25, 30, 40])
    }

    @Test func `a sleeper that finds nothing to wait for ends, and the next deadline has another`() async {
        let deadlines = Deadlines(clock: self.clock)
        let missed = Missed()
        let start = self.clock.now
        for round in 1...3 as ClosedRange<Int64> {
            deadlines.clear(deadlines.set(start + .seconds(round * 10)) { missed.note(0) })
            await self.clock.sleeperArrived(until: start + .seconds(round * 10))
            self.clock.advance(by: .seconds(10))
            for _ in 0..<2_000_000 where deadlines.hasSleeper { await Task.yield() }
            #expect(!deadlines.hasSleeper)
            #expect(self.clock.sleeperCount == 0)
        }
        _ = deadlines.set(start + .seconds(40)) { missed.note(1) }
        await self.clock.sleeperArrived(until: start + .seconds(40))
        self.clock.advance(by: .seconds(10))
        await missed.count(is: 1)
        #expect(missed.all == [1])
    }

    @Test func `the sleeper ends with what it serves`() async {
        let start = self.clock.now
        do {
            let deadlines = Deadlines(clock: self.clock)
            _ = deadlines.set(start + .seconds(10)) {}
            await self.clock.sleeperArrived(until: start + .seconds(10))
        }
        #expect(self.clock.sleeperCount == 0)
    }

    @Test func `requests that are answered leave no deadline behind, and one sleeper for each kind`() async throws {
        try await LoopbackServer.serving { conversation in
            try await conversation.readRequest()
            try await conversation.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        } body: { server in
            try await Exchange.with { exchange in
                for _ in 0..<5 {
                    let result = await exchange.send(Exchange.request("http://\(server.authority)/token"))
                    #expect(result.answer?.status == 200)
                }
                let start = exchange.clock.now
                await exchange.clock.sleeperArrived(until: start + .seconds(10))
                await exchange.clock.sleeperArrived(until: start + .seconds(60))
                #expect(exchange.clock.sleeperCount == 2)
                #expect(exchange.endpoint.pendingDeadlines == 0)
            }
        }
    }
}

@Suite struct CheckedAddressesTests {
    @Test func `an address to which nothing may be sent stays one, however often it is asked for`() {
        let addresses = CheckedAddresses(insecureLoopback: false)
        for _ in 0..<3 {
            #expect(addresses.checked("http://127.0.0.1/token") == nil)
            #expect(addresses.checked("https://box.example/token?a=b") == "https://box.example/token?a=b")
        }
    }

    @Test func `what has no place any more is checked all the same`() {
        let addresses = CheckedAddresses(insecureLoopback: true)
        for _ in 0..<2 {
            for number in 0..<200 {
                let address = "https://box.example/\(number)"
                #expect(addresses.checked(address) == address)
                #expect(addresses.checked("http://box.example/\(number)") == nil)
            }
        }
    }
}
