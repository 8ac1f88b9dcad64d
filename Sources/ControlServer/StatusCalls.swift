import ControlAPI
import NIOCore
import RefreshCore
import RefreshEngine
import Varlink

// Calls that are about the daemon as a whole.
extension CallRouter {
    func status(_ call: IncomingCall) throws(Refusal) -> Handling {
        try self.mayLook(call.caller)
        return self.work(.looks, call) { router in
            try VarlinkReply(StatusReply(status: Wire.Status(router.engine.status, router.facts))).framed
        }
    }

    func metrics(_ call: IncomingCall) throws(Refusal) -> Handling {
        try self.mayLook(call.caller)
        return self.work(.looks, call) { router in
            let text = router.engine.counters.openMetrics(status: router.engine.status)
            return try VarlinkReply(MetricsReply(openmetrics: text)).framed
        }
    }

    func reload(_ call: IncomingCall) throws(Refusal) -> Handling {
        guard call.caller.allowsSome(.admin) else { throw .control(.notAllowed) }
        return self.work(.changes, call) { router in
            do {
                try await router.reload()
            } catch {
                // One line: what follows is for the log.
                let line = "\(error)".prefix { !$0.isNewline }
                throw Refusal.control(.reloadFailed(message: String(line)))
            }
            return try VarlinkReply(EmptyReply()).framed
        }
    }

    /// Numbers of the whole daemon name no account.
    func mayLook(_ caller: Caller) throws(Refusal) {
        guard caller.allowsSome(.read) || caller.allowsSome(.admin) else { throw .control(.notAllowed) }
    }
}
