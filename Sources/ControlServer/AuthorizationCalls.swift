import ControlAPI
import NIOCore
import RefreshCore
import RefreshEngine
import Varlink

// Calls that are about new authorizations.
extension CallRouter {
    func beginAuthorization(_ call: IncomingCall) throws(Refusal) -> Handling {
        let account = try self.accountOfClient(call)
        let enrolment = try self.enrolment(for: call)
        let redirectURI = call.arguments["redirect_uri"]?.string
        // An empty list is what some libraries send for one that is left out.
        let named = call.arguments["scopes"]?.array?.compactMap(\.string) ?? []
        let scopes = named.isEmpty ? nil : named
        return self.work(.looks, call) { _ in
            let start = try await enrolment.begin(account, redirectURI: redirectURI, scopes: scopes)
            return try VarlinkReply(
                AuthorizationReply(url: start.url, state: start.state, expiresAt: Int(start.expiresAt.seconds))
            ).framed
        }
    }

    func completeAuthorization(_ call: IncomingCall) throws(Refusal) -> Handling {
        guard call.caller.allowsSome(.write) else { throw .control(.notAllowed) }
        let enrolment = try self.enrolment(for: call)
        let state = call.arguments["state"]?.string ?? ""
        let code = call.arguments["code"]?.string
        let callback = call.arguments["callback"]?.string
        // Of somebody else's state nothing is told, not even that it is one.
        guard let account = enrolment.account(of: state), call.caller.allows(.write, on: account.name) else {
            throw self.refusal(EngineError.unknownAuthorization, call.caller)
        }
        if enrolment.isDevice(state) {
            guard code == nil else { throw .varlink(.invalidParameter("code")) }
            guard callback == nil else { throw .varlink(.invalidParameter("callback")) }
            return self.work(.looks, call) { router in
                try router.reply(try await enrolment.end(ofDevice: state))
            }
        }
        guard (code == nil) != (callback == nil) else { throw .varlink(.invalidParameter("code")) }
        return self.work(.changes, call) { router in
            try router.reply(try await enrolment.complete(state: state, code: code, callback: callback))
        }
    }

    func beginDeviceAuthorization(_ call: IncomingCall) throws(Refusal) -> Handling {
        let account = try self.accountOfClient(call)
        let enrolment = try self.enrolment(for: call)
        return self.work(.looks, call) { _ in
            let start = try await enrolment.beginDevice(account)
            return try VarlinkReply(
                DeviceAuthorizationReply(
                    userCode: start.userCode,
                    verificationURI: start.verificationURI,
                    verificationURIComplete: start.verificationURIComplete,
                    expiresAt: Int(start.expiresAt.seconds),
                    state: start.state
                )
            ).framed
        }
    }

    /// The account that a call names, which must be one of the client that it names too.
    private func accountOfClient(_ call: IncomingCall) throws(Refusal) -> AccountID {
        let account = try self.account(call, .write)
        guard call.arguments["client"]?.string == String(account.client) else {
            throw .varlink(.invalidParameter("client"))
        }
        return account
    }

    private func enrolment(for call: IncomingCall) throws(Refusal) -> Enrolment {
        guard let enrolment = self.enrolment else { throw .varlink(.methodNotImplemented(call.call.method)) }
        return enrolment
    }
}
