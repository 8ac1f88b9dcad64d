package import RefreshCore
package import RefreshEngine
import Synchronization

/// Gives out tickets to the site, and takes them back from browsers.
///
/// A ticket goes into a page and through a proxy's log; the address that it stands for, which holds the token, goes into
/// one answer and nowhere else.
package final class HandoffDesk: Sendable {
    /// What a site puts into a page.
    package struct Issued: Sendable {
        /// From the root of the hand-off socket.
        package var path: String
        package var generation: Generation
        /// UTC.
        package var expiresAt: Timestamp
    }

    /// What every path begins with.
    static let prefix = "/handoff/"

    private let engine: Engine
    private let random: any RandomSource
    private let book = Mutex(TicketBook())

    package init(engine: Engine, random: any RandomSource) {
        self.engine = engine
        self.random = random
    }

    /// Issues a ticket for an account's present token.
    ///
    /// - Throws: As `Engine.offerHandoff`.
    package func issue(_ account: AccountID, sink: String?) async throws(EngineError) -> Issued {
        let offer = try await self.engine.offerHandoff(account, sink: sink, for: TicketBook.life)
        let ticket = Ticket(self.random.bytes(Ticket.byteCount))
        let end = self.book.withLock { $0.add(ticket, offer, at: self.engine.clock.now) }
        return Issued(
            path: Self.prefix + ticket.text,
            generation: offer.generation,
            expiresAt: end + self.engine.clock.utcShift
        )
    }

    /// Uses up the ticket in a path.
    ///
    /// - Returns: Where to send the browser; nil for every path that leads nowhere, whatever the reason.
    func redeem(_ path: String) async -> Secret? {
        guard path.hasPrefix(Self.prefix), let ticket = Ticket(path.dropFirst(Self.prefix.count)),
            let offer = self.book.withLock({ $0.take(ticket, at: self.engine.clock.now) })
        else { return nil }
        return await self.engine.handOff(offer)
    }
}
