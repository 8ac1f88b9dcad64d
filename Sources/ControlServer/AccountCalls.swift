import ControlAPI
import NIOCore
import RefreshCore
import RefreshEngine
import Varlink

// Calls that are about one account.
extension CallRouter {
    func show(_ call: IncomingCall) throws(Refusal) -> Handling {
        let account = try self.account(call, .read)
        return self.work(.looks, call) { router in
            guard let view = router.engine.view(of: account) else { throw router.missing(account) }
            return try router.reply(view)
        }
    }

    func explain(_ call: IncomingCall) throws(Refusal) -> Handling {
        let account = try self.account(call, .read)
        return self.work(.looks, call) { router in
            guard let lines = router.engine.explanation(of: account) else { throw router.missing(account) }
            return try VarlinkReply(ExplainReply(lines: lines)).framed
        }
    }

    func put(_ call: IncomingCall) throws(Refusal) -> Handling {
        let account = try self.account(call, .write)
        guard let token = call.arguments["token"]?.object else { throw .varlink(.invalidParameter("token")) }
        let issuedAt = call.arguments["issued_at"]?.int.map { Timestamp(seconds: Int64($0)) }
        return self.work(.changes, call) { router in
            let answer = Array(token.encoded.readableBytesView)
            return try router.reply(try await router.engine.put(account, answer: answer, issuedAt: issuedAt))
        }
    }

    func remove(_ call: IncomingCall) throws(Refusal) -> Handling {
        let account = try self.account(call, .write)
        let revoke = call.arguments["revoke"]?.bool ?? false
        return self.work(.changes, call) { router in
            try await router.engine.remove(account, revoke: revoke)
            return try VarlinkReply(EmptyReply()).framed
        }
    }

    func refresh(_ call: IncomingCall) throws(Refusal) -> Handling {
        let account = try self.account(call, .refresh)
        return self.work(.changes, call) { router in
            guard let view = router.engine.view(of: account) else { throw router.missing(account) }
            // Asked for again too soon: the answer is how things are, for the last one has only just ended, or not yet.
            guard router.floor.pass(account, at: router.engine.clock.now) else { return try router.reply(view) }
            return try router.reply(try await router.engine.refresh(account))
        }
    }

    func deliver(_ call: IncomingCall) throws(Refusal) -> Handling {
        let account = try self.account(call, .refresh)
        let sink = call.arguments["sink"]?.string
        return self.work(.changes, call) { router in
            try router.reply(try await router.engine.deliver(account, sink: sink))
        }
    }

    func pause(_ call: IncomingCall, _ isPaused: Bool) throws(Refusal) -> Handling {
        let account = try self.account(call, .write)
        return self.work(.changes, call) { router in
            try router.reply(try await router.engine.pause(account, isPaused))
        }
    }

    private func missing(_ account: AccountID) -> EngineError {
        self.engine.isLoading ? .loading : .accountNotFound(account)
    }

    func reply(_ view: AccountView) throws -> ByteBuffer {
        try VarlinkReply(AccountReply(account: Wire.Account(view))).framed
    }
}
