@testable import RefreshEngine
import RefreshCore
import TestSupport
import Testing

@Suite struct SinkQueueTests {
    private let now = Timestamp(seconds: 1_000)

    private func accounts(_ count: Int) throws -> [AccountID] { try (0..<count).map { try AccountID("box/\($0)") } }

    @Test func `those who wait go in their order, so many at a time`() throws {
        let accounts = try self.accounts(SinkQueue.concurrency + 3)
        var queue = SinkQueue()
        for account in accounts + accounts { queue.add(account) }
        for account in accounts.prefix(SinkQueue.concurrency) { #expect(queue.next(at: self.now) == account) }
        #expect(queue.next(at: self.now) == nil)
        queue.answered(accounts[0])
        #expect(queue.next(at: self.now) == accounts[SinkQueue.concurrency])
        #expect(queue.count == accounts.count - 1)
    }

    @Test func `a sink in trouble gets one probe at a time, after waits that grow`() throws {
        let accounts = try self.accounts(5)
        var queue = SinkQueue()
        for account in accounts { queue.add(account) }
        var now = self.now
        var next = queue.next(at: now)
        var first = try #require(next)
        var last = Duration.zero
        for _ in 0..<12 {
            let until = queue.failed(first, retryAfter: nil, at: now, phase: 0)
            #expect(until - now >= last)
            last = until - now
            #expect(queue.opens(after: now) == until)
            #expect(queue.next(at: until - .milliseconds(1)) == nil)
            now = until
            next = queue.next(at: now)
            first = try #require(next)
            #expect(queue.next(at: now) == nil, "one probe")
        }
        #expect(last == .seconds(300))
        queue.answered(first)
        #expect(queue.next(at: now) != nil)
        #expect(queue.next(at: now) != nil)
    }

    @Test func `a wait that the sink names is kept, within reason`() throws {
        let account = try self.accounts(1)[0]
        var queue = SinkQueue()
        queue.add(account)
        _ = queue.next(at: self.now)
        #expect(queue.failed(account, retryAfter: .seconds(120), at: self.now, phase: 0) == self.now + .seconds(120))
        queue.reopen()
        #expect(queue.next(at: self.now) == account)
        #expect(
            queue.failed(account, retryAfter: .seconds(1_000_000), at: self.now, phase: 0) == self.now + .seconds(3_600)
        )
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `beside a naive model: never two of one account, nobody lost, nobody kept who is gone`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let accounts = try self.accounts(30)
        var queue = SinkQueue()
        var now = self.now
        var wanted: Set<AccountID> = []
        var underWay: Set<AccountID> = []
        func someone() -> AccountID? { underWay.randomElement(using: &random) }
        for _ in 0..<600 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1, 2:
                let account = accounts[Int.random(in: 0..<30, using: &random)]
                queue.add(account)
                wanted.insert(account)
            case 3:
                let account = accounts[Int.random(in: 0..<30, using: &random)]
                queue.remove(account)
                wanted.remove(account)
            case 4, 5:
                guard let account = queue.next(at: now) else { break }
                #expect(!underWay.contains(account) && wanted.contains(account), "seed \(seed)")
                underWay.insert(account)
                wanted.remove(account)
            case 6:
                guard let account = someone() else { break }
                underWay.remove(account)
                Bool.random(using: &random) ? queue.answered(account) : queue.dropped(account)
            default:
                guard let account = someone() else { break }
                underWay.remove(account)
                now = queue.failed(account, retryAfter: nil, at: now, phase: 0.5)
                wanted.insert(account)
            }
            #expect(underWay.count <= SinkQueue.concurrency, "seed \(seed)")
            #expect(queue.count <= wanted.count + underWay.count, "seed \(seed)")
        }
        for account in underWay { queue.answered(account) }
        while let account = queue.next(at: now) {
            #expect(wanted.remove(account) != nil, "seed \(seed)")
            queue.answered(account)
        }
        #expect(wanted.isEmpty && queue.count == 0, "seed \(seed)")
    }
}
