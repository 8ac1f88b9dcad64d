import ControlAPI
import Glibc
import NIOCore
import Varlink

/// Leads a person through an authorization; what is said to the person goes to standard error.
///
/// The daemon has the state, the proof and the secret. This is only the errand between it and the browser. Each call has
/// a connection of its own: between two of them a person takes minutes.
struct Authorizer: Sendable {
    enum Way: Hashable, Sendable {
        /// Listens on this port of 127.0.0.1, or on any with 0.
        case loopback(port: Int)
        case paste(redirectURI: String?)
        case device
    }

    let socket: String
    let account: AccountName
    /// Nil for the configured ones.
    let scopes: [String]?

    private var client: String { String(self.account.text.prefix { $0 != "/" }) }

    /// - Returns: The daemon's answer, with the account in it.
    /// - Throws: `Failure`, or `CancellationError` when it is interrupted.
    func account(by way: Way) async throws -> Answer {
        switch way {
        case .loopback(let port): try await self.overLoopback(port: port)
        case .paste(let redirectURI): try await self.byHand(redirectURI: redirectURI)
        case .device: try await self.onDevice()
        }
    }

    private func overLoopback(port: Int) async throws -> Answer {
        // Listening before the address is known to anybody: the browser may be faster than we are.
        let listener = try await LoopbackListener.open(port: port)
        defer { listener.close() }
        let begun = try await self.begin(redirectURI: listener.redirectURI)
        // Only printed: as a program's argument the address, and the state in it, would be there for everybody on this
        // machine, who could then come back with a consent of his own.
        self.say("Open this address in a browser on this machine, and grant access:\n\n  \(begun.url.escaped)\n\n")
        return try await self.before(begun.expiresAt) {
            for await visit in listener.visits {
                // Anybody on this machine can come to the port; only who has the state is worth a question.
                guard visit.target.hasPrefix(LoopbackListener.path), visit.target.contains("state=\(begun.state)")
                else {
                    visit.answer(.notFound)
                    continue
                }
                do {
                    let answer = try await self.call(
                        Call.CompleteAuthorization(state: begun.state, callback: listener.origin + visit.target)
                    )
                    await visit.answer(.granted).value
                    return answer
                } catch {
                    await visit.answer(.failed).value
                    throw error
                }
            }
            throw CancellationError()
        }
    }

    private func byHand(redirectURI: String?) async throws -> Answer {
        let begun = try await self.begin(redirectURI: redirectURI)
        self.say("Open this address in a browser, and grant access:\n\n  \(begun.url.escaped)\n\n")
        let prompt =
            "Then paste the code, or the whole address the browser ends at, and press Enter (it is not shown):\n"
        let text = try await self.before(begun.expiresAt) { try await HiddenLine.read(prompt) }
        guard let text else { throw Failure(.failed, "nothing was entered; the authorization is given up") }
        let isAddress = text.contains("://") || text.contains("code=") || text.contains("error=")
        return try await self.call(
            Call.CompleteAuthorization(
                state: begun.state,
                code: isAddress ? nil : text,
                callback: isAddress ? text : nil
            )
        )
    }

    private func onDevice() async throws -> Answer {
        let begun = try await self.call(Call.BeginDeviceAuthorization(client: self.client, account: self.account.text))
            .decode(DeviceAuthorizationReply.self)
        let complete = begun.verificationURIComplete.map { "\nor only open  \($0.escaped)" } ?? ""
        self.say(
            """
            Open  \(begun.verificationURI.escaped)
            and enter the code  \(begun.userCode.escaped)\(complete)

            Waiting for it to be approved. If you do not wait (Ctrl-C), refreshd still takes what is approved in time.

            """
        )
        return try await self.call(Call.CompleteAuthorization(state: begun.state))
    }

    private func begin(redirectURI: String?) async throws -> AuthorizationReply {
        try await self.call(
            Call.BeginAuthorization(
                client: self.client,
                account: self.account.text,
                redirectURI: redirectURI,
                scopes: self.scopes
            )
        )
        .decode(AuthorizationReply.self)
    }

    private func call(_ call: some ControlCall & Sendable) async throws -> Answer {
        try await Daemon.with(socket: self.socket) { daemon in
            do {
                return try await daemon.call(call)
            } catch VarlinkClientError.refused(let error) {
                throw Self.failure(error)
            }
        }
    }

    /// What an error means here, where there may be no account yet.
    private static func failure(_ error: VarlinkError) -> Failure {
        let known = ControlError(name: error.name, parameters: error.parameters.encoded.readableBytesView)
        guard case .tokenUnavailable(_, let cause, _)? = known else { return Failure(error) }
        return Failure(
            .failed,
            cause == "answer_lost"
                ? "the provider's answer got lost (answer_lost), and a code is good once; begin again"
                : "the provider could not be asked (\(cause.escaped)); begin again when it can"
        )
    }

    /// What comes of `body`, unless that takes until `deadline`, in Unix seconds.
    private func before<R: Sendable>(
        _ deadline: Int,
        _ body: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        try await withThrowingTaskGroup(of: R.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: .seconds(max(0, deadline - time(nil))))
                throw Failure(.failed, "nobody granted access in time; begin again")
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw CancellationError() }
            return result
        }
    }

    private func say(_ text: String) { Terminal.standardError.write(text) }
}
