import ControlAPI
import Logging
import NIOCore
import RefreshCore
import RefreshEngine
import Synchronization
import Varlink

/// Why a call is refused, as it is told to the caller.
enum Refusal: Error, Hashable, Sendable {
    case control(ControlError)
    case varlink(VarlinkError)
}

/// What a call comes to.
enum Handling: Sendable {
    /// Whether a call goes on when its caller leaves.
    enum Purpose: Sendable {
        /// Nobody is there to look any more.
        case looks
        /// What was asked for is done all the same: half a change would be worse than one that nobody is told of.
        case changes
    }

    /// The answer, as it goes on the wire.
    case answer(ByteBuffer)
    /// An answer that has to be waited for.
    case work(Purpose, @Sendable () async -> ByteBuffer)
    /// Several answers; whoever runs it ends the call by the outlet.
    case stream(@Sendable (Outlet) async -> Void)
}

/// A call and who made it.
struct IncomingCall: Sendable {
    var call: VarlinkCall
    var caller: Caller
    var arguments: JSONObject { self.call.arguments }
}

/// From a call to what it comes to: who may do it, what it does, how its errors are told.
///
/// A call that may not be made and one of an account that does not exist get the same bytes, unless the caller may read
/// accounts of that name anyway (facts T2).
struct CallRouter: Sendable {
    let engine: Engine
    let interface: ServiceInterface
    let facts: DaemonFacts
    let reload: @Sendable () async throws -> Void
    var upkeep: Upkeep? = nil
    var handoff: HandoffIssue.Issue? = nil
    var enrolment: Enrolment? = nil
    let floor: RefreshFloor
    let refusals: RefusalWatch
    let logger: Logger

    func handling(of incoming: IncomingCall) -> Handling {
        switch self.interface.dispatch(incoming.call) {
        case .answer(let reply):
            return .answer(reply.framed)
        case .handle(interface: _, let method):
            do throws(Refusal) {
                return try self.handling(of: incoming, method)
            } catch {
                self.note(error, of: incoming.caller)
                return .answer(self.reply(to: error).framed)
            }
        }
    }

    /// Counts a refusal that somebody who tries names would meet.
    private func note(_ refusal: Refusal, of caller: Caller) {
        switch refusal {
        case .control(.notAllowed), .control(.accountNotFound): break
        case .control, .varlink: return
        }
        guard let count = self.refusals.note(caller.identity.uid, at: self.engine.clock.now) else { return }
        self.logger.warning(
            "a user is refused again and again, or asks for accounts that do not exist",
            metadata: ["uid": "\(caller.identity.uid)", "refusals": "\(count)"]
        )
    }

    private func handling(of call: IncomingCall, _ method: String) throws(Refusal) -> Handling {
        switch method {
        case Call.GetToken.method: try self.getToken(call)
        case Call.List.method: try self.list(call)
        case Call.Show.method: try self.show(call)
        case Call.Put.method: try self.put(call)
        case Call.Remove.method: try self.remove(call)
        case Call.Refresh.method: try self.refresh(call)
        case Call.Deliver.method: try self.deliver(call)
        case Call.Pause.method: try self.pause(call, true)
        case Call.Resume.method: try self.pause(call, false)
        case Call.Watch.method: try self.watch(call)
        case Call.Explain.method: try self.explain(call)
        case Call.Status.method: try self.status(call)
        case Call.Metrics.method: try self.metrics(call)
        case Call.Forecast.method: try self.forecast(call)
        case Call.Reload.method: try self.reload(call)
        case Call.IssueHandoff.method: try self.issueHandoff(call)
        case Call.Backup.method: try self.backup(call)
        case Call.Rekey.method: try self.rekey(call)
        case Call.BeginAuthorization.method: try self.beginAuthorization(call)
        case Call.CompleteAuthorization.method: try self.completeAuthorization(call)
        case Call.BeginDeviceAuthorization.method: try self.beginDeviceAuthorization(call)
        default: throw .varlink(.methodNotImplemented(call.call.method))
        }
    }

    // MARK: What every handler needs

    /// The account that a call names, if its caller may do this with it.
    ///
    /// - Throws: `NotAllowed` before anything else is looked at, also before the name's form.
    func account(_ call: IncomingCall, _ permission: Permissions) throws(Refusal) -> AccountID {
        let name = call.arguments["account"]?.string ?? ""
        guard call.caller.allows(permission, on: name) else { throw .control(.notAllowed) }
        guard let account = try? AccountID(name) else { throw .varlink(.invalidParameter("account")) }
        return account
    }

    /// Does what takes time, and tells its error like any other.
    func work(
        _ purpose: Handling.Purpose,
        _ call: IncomingCall,
        _ body: @escaping @Sendable (CallRouter) async throws -> ByteBuffer
    ) -> Handling {
        .work(purpose) {
            do {
                return try await body(self)
            } catch {
                let refusal = self.refusal(error, call.caller)
                self.note(refusal, of: call.caller)
                return self.reply(to: refusal).framed
            }
        }
    }

    func refusal(_ error: any Error, _ caller: Caller) -> Refusal {
        switch error {
        case let error as Refusal: return error
        case let error as EngineError: return self.refusal(error, caller)
        default:
            self.logger.error("a call could not be answered", metadata: [LogKeys.reason: "\(type(of: error))"])
            return .control(.notReady(state: self.facts.state().rawValue))
        }
    }

    private func refusal(_ error: EngineError, _ caller: Caller) -> Refusal {
        switch error {
        case .accountNotFound(let account):
            caller.allows(.read, on: account.name)
                ? .control(.accountNotFound(account: account.name)) : .control(.notAllowed)
        case .clientNotFound(let client): .control(.clientNotFound(client: client))
        case .needsAuthorization(let account, let cause):
            .control(.needsAuthorization(account: account.name, cause: cause))
        case .unavailable(let account, let cause, let retryAt):
            .control(
                .tokenUnavailable(account: account.name, cause: cause, retryAt: retryAt.map { Int($0.seconds) })
            )
        case .notRemoved(let account, let cause, let message):
            .control(.removalFailed(account: account.name, cause: cause, message: message))
        case .conflict(let account): .control(.conflict(account: account.name))
        case .invalidParameter(let text):
            // The engine says what is wrong with it behind a colon; the wire has a place for the name only.
            .varlink(.invalidParameter(String(text.prefix { $0 != ":" })))
        case .authorizationFailed(let error, let description):
            .control(.authorizationFailed(error: error, description: description))
        case .loading: .control(.notReady(state: Wire.DaemonState.loading.rawValue))
        }
    }

    func reply(to refusal: Refusal) -> VarlinkReply {
        switch refusal {
        case .varlink(let error): VarlinkReply(error: error)
        case .control(let error):
            // Texts and whole numbers always have a JSON form.
            VarlinkReply(
                error: error.name,
                parameters: ByteBuffer(bytes: (try? error.parameters()) ?? Array("{}".utf8))
            )
        }
    }
}

extension VarlinkReply {
    /// The answer that carries a value.
    init(_ value: some Encodable, continues: Bool = false) throws {
        self.init(parameters: ByteBuffer(bytes: try value.controlJSON()), continues: continues)
    }

    /// The message as it goes on the wire, its NUL included.
    var framed: ByteBuffer {
        var bytes = self.encoded()
        bytes.writeInteger(0 as UInt8)
        return bytes
    }
}

/// Keeps the time between two explicit refreshes of one account, whoever asks (facts T2).
final class RefreshFloor: Sendable {
    private let time: Duration
    private let last = Mutex<[AccountID: Timestamp]>([:])

    init(_ time: Duration) { self.time = time }

    /// Whether the account may be refreshed now; if so, the time begins anew.
    func pass(_ account: AccountID, at now: Timestamp) -> Bool {
        self.last.withLock { last in
            if let before = last[account], now - before < self.time { return false }
            // Trimmed now and then, so that it holds about as many as were asked for within the time.
            if last.count >= 1_024 { last = last.filter { now - $0.value < self.time } }
            last[account] = now
            return true
        }
    }
}
