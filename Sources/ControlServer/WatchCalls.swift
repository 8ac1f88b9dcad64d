import ControlAPI
import NIOCore
import RefreshCore
import RefreshEngine
import Varlink

// Calls with more than one answer.
extension CallRouter {
    /// Accounts of one page; a page is one look into the store.
    private static let pageSize = 500

    /// Lists the accounts that the caller may read.
    ///
    /// Without `more` there is room for one answer, so it needs `limit` 1 then. No account at all is one answer without
    /// an account.
    func list(_ call: IncomingCall) throws(Refusal) -> Handling {
        guard call.caller.allowsSome(.read) else { throw .control(.notAllowed) }
        let client = call.arguments["client"]?.string
        let limit = call.arguments["limit"]?.int.map { Int($0) } ?? .max
        guard limit > 0 else { throw .varlink(.invalidParameter("limit")) }
        guard call.call.more || limit == 1 else { throw .varlink(.expectedMore) }
        var state: Wire.AccountState?
        if let word = call.arguments["state"]?.string {
            guard let known = Wire.AccountState(rawValue: word) else { throw .varlink(.invalidParameter("state")) }
            state = known
        }
        var start = client.flatMap(Self.nameBefore)
        if let name = call.arguments["after"]?.string {
            guard let after = try? AccountID(name) else { throw .varlink(.invalidParameter("after")) }
            start = max(start ?? after, after)
        }
        let request = Listing(client: client, state: state, limit: limit, start: start)
        return .stream { outlet in
            do {
                try await self.list(request, call.caller, outlet)
            } catch {
                outlet.finish(self.reply(to: self.refusal(error, call.caller)).framed)
            }
        }
    }

    private struct Listing: Sendable {
        var client: String?
        var state: Wire.AccountState?
        var limit: Int
        var start: AccountID?

        func wants(_ account: Wire.Account) -> Bool {
            (self.client ?? account.client) == account.client && (self.state ?? account.state) == account.state
        }
    }

    private func list(_ listing: Listing, _ caller: Caller, _ outlet: Outlet) async throws {
        // One is always held back, for only the last answer may say that it is the last.
        var last: Wire.Account?
        var count = 0
        var start = listing.start
        pages: repeat {
            let page = try await self.engine.views(after: start, limit: Self.pageSize)
            for view in page.views {
                if let client = listing.client, Self.isBehind(view.account, client) { break pages }
                let account = Wire.Account(view)
                guard listing.wants(account), caller.allows(.read, on: account.account) else { continue }
                if let last {
                    guard await outlet.send(try VarlinkReply(AccountReply(account: last), continues: true).framed)
                    else {
                        return outlet.end()
                    }
                }
                last = account
                count += 1
                if count == listing.limit { break pages }
            }
            start = page.next
        } while start != nil
        outlet.finish(try last.map { try VarlinkReply(AccountReply(account: $0)) }?.framed ?? VarlinkReply().framed)
    }

    /// Some name in front of all of the client's accounts, near to them: without it a page of one small client would
    /// cost a look at all accounts of those before it.
    private static func nameBefore(_ client: String) -> AccountID? {
        // The hyphen stands in front of the slash.
        try? AccountID("\(client)-\(String(repeating: "z", count: max(0, 63 - client.utf8.count)))/z")
    }

    /// Whether a name stands behind all of the client's accounts.
    private static func isBehind(_ account: AccountID, _ client: String) -> Bool {
        // By bytes: a subject that begins with a combining mark makes one character with the slash.
        let head = "\(client)/".utf8
        return !account.name.utf8.starts(with: head) && head.lexicographicallyPrecedes(account.name.utf8)
    }

    /// Tells what happens from now on, until the caller leaves, falls behind, or service ends; then the connection is
    /// closed.
    func watch(_ call: IncomingCall) throws(Refusal) -> Handling {
        let account = call.arguments["account"]?.string
        let caller = call.caller
        guard account.map({ caller.allows(.watch, on: $0) }) ?? caller.allowsSome(.watch) else {
            throw .control(.notAllowed)
        }
        guard call.call.more else { throw .varlink(.expectedMore) }
        // Made here, on the event loop: what happens once the call has been taken is not missed, and a connection that
        // is told to end finds the stream among those that can be ended.
        let events = self.engine.watchers.events(
            Watchers.Filter(client: call.arguments["client"]?.string, account: account) { id in
                caller.allows(.watch, on: id.name)
            }
        )
        return .stream { outlet in
            for await event in events {
                guard let reply = try? VarlinkReply(EventReply(event: Wire.Event(event)), continues: true),
                    await outlet.send(reply.framed)
                else { break }
            }
            outlet.end()
        }
    }
}
