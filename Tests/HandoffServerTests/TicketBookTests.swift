@testable import HandoffServer
import RefreshCore
import RefreshEngine
import TestSupport
import Testing

@Suite struct TicketBookTests {
    private let start = Timestamp(seconds: 1_000)

    private func offer(_ name: String = "box/alice", _ generation: Int64 = 1) throws -> HandoffOffer {
        HandoffOffer(account: try AccountID(name), sink: try SinkID("app"), generation: Generation(generation))
    }

    private func ticket(_ number: Int) -> Ticket {
        Ticket((0..<16).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 8))) })
    }

    @Test func `a ticket is good once, and until its end`() throws {
        var book = TicketBook()
        let end = book.add(self.ticket(1), try self.offer(), at: self.start)
        #expect(end == self.start + .seconds(60))
        #expect(book.take(self.ticket(1), at: end - .milliseconds(1)) == (try self.offer()))
        #expect(book.take(self.ticket(1), at: self.start) == nil)

        _ = book.add(self.ticket(2), try self.offer(), at: self.start)
        #expect(book.take(self.ticket(2), at: end) == nil)
        #expect(book.take(self.ticket(2), at: self.start) == nil, "it is forgotten, even if the clock went back")
    }

    @Test func `a ticket stands for what it was given out for`() throws {
        var book = TicketBook()
        for number in 1...5 {
            _ = book.add(self.ticket(number), try self.offer("box/user-\(number)", Int64(number)), at: self.start)
        }
        for number in [3, 1, 5, 2, 4] {
            #expect(
                book.take(self.ticket(number), at: self.start) == (try self.offer("box/user-\(number)", Int64(number)))
            )
        }
        #expect(book.count == 0)
    }

    @Test func `of more tickets than there may be the oldest fall, of one account's too`() throws {
        var book = TicketBook(capacity: 20)
        for number in 0..<30 { _ = book.add(self.ticket(number), try self.offer("box/\(number)"), at: self.start) }
        #expect(book.count == 20)
        #expect(book.take(self.ticket(9), at: self.start) == nil)
        #expect(book.take(self.ticket(10), at: self.start) != nil)

        var other = TicketBook()
        _ = other.add(self.ticket(1_000), try self.offer("box/bob"), at: self.start)
        for number in 0..<40 { _ = other.add(self.ticket(number), try self.offer(), at: self.start) }
        #expect(other.count == TicketBook.capacityOfAccount + 1)
        #expect(other.take(self.ticket(1_000), at: self.start) != nil, "another account's is left alone")
        #expect(other.take(self.ticket(39), at: self.start) != nil)
        #expect(other.take(self.ticket(23), at: self.start) == nil)
    }

    @Test func `what has ended takes no room`() throws {
        var book = TicketBook()
        var now = self.start
        for number in 0..<5_000 {
            _ = book.add(self.ticket(number), try self.offer("box/\(number)"), at: now)
            if number % 3 == 0 { _ = book.take(self.ticket(number), at: now) }
            now = now + .seconds(1)
            #expect(book.count <= 61)
        }
    }

    @Test(arguments: ["", "0", "g0000000000000000000000000000000", "0123456789ABCDEF0123456789abcdef", "é"])
    func `what was never given out is no ticket`(text: String) {
        #expect(Ticket(text[...]) == nil)
    }

    @Test func `a ticket has 128 bits, and reads back`() {
        let ticket = Ticket((0..<16).map { UInt8($0 * 17) })
        #expect(ticket.text == "00112233445566778899aabbccddeeff")
        #expect(Ticket(ticket.text[...]) == ticket)
    }
}
