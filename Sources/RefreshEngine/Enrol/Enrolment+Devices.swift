import Logging
import OAuth
package import RefreshCore
import Synchronization

// Authorizations on another device (RFC 8628).
extension Enrolment {
    /// Begins an authorization on another device (RFC 8628), and asks after it until its end.
    package func beginDevice(_ account: AccountID) async throws(EngineError) -> DeviceStart {
        guard !self.engine.isLoading else { throw .loading }
        let client = try self.client(of: account)
        var endpoint = client.client.profile.deviceAuthorizationEndpoint
        if endpoint == nil { endpoint = await self.metadata(of: client)?.deviceAuthorizationEndpoint }
        guard let endpoint else { throw .authorizationFailed(.noDeviceEndpoint) }
        // Before the provider is troubled; looked at again when the answer is there.
        guard self.state.withLock({ $0.devices.hasRoom }) else { throw .authorizationFailed(.tooMany) }
        let authorization: DeviceAuthorization
        do {
            let scopes = self.scopes(for: account, client)
            let requests = try self.presentations(of: client).map {
                var client = $0
                client.profile.scopes = scopes
                return try DeviceAuthorization.request(to: endpoint, client: client)
            }
            let answer = try await self.answer(to: requests, client).answer
            authorization = try DeviceAuthorization(answer, client: client.client)
        } catch let refusal as AuthorizationRefusal {
            throw self.failed(account, refusal)
        } catch {
            let cause = (error as? EndpointError)?.reason.cause ?? .clientRejected
            throw .unavailable(account, cause: cause.rawValue, retryAt: nil)
        }
        let now = self.engine.clock.now
        let wait = DeviceWait(
            state: AuthorizationRequest.newState(self.secrets),
            account: account,
            expiresAt: now + authorization.lifetime
        )
        let refusal = self.state.withLock { state -> AuthorizationRefusal? in
            guard !state.isStopping else { return .stopping }
            return state.devices.insert(wait, at: now) ? nil : .tooMany
        }
        if let refusal { throw .authorizationFailed(refusal) }
        self.pollSource.yield(Poll(authorization: authorization, wait: wait))
        self.tell("authorization on another device begun", account)
        return DeviceStart(
            userCode: authorization.userCode,
            verificationURI: authorization.verificationURI,
            verificationURIComplete: authorization.verificationURIComplete,
            state: wait.state,
            expiresAt: wait.expiresAt + self.engine.clock.utcShift
        )
    }

    /// Waits for the end of an authorization on another device.
    ///
    /// - Throws: `EngineError.authorizationFailed` when it was denied or came too late, or nobody knows it.
    package func end(ofDevice state: String) async throws(EngineError) -> AccountView {
        guard let wait = self.state.withLock({ $0.devices.wait(state) }) else {
            throw .authorizationFailed(.unknownState)
        }
        // Nobody is there any more to be told.
        guard let outcome = await wait.outcome() else { throw .authorizationFailed(.stopping) }
        return try outcome.get()
    }

    /// Asks until there is an answer, or the time is over.
    func ask(_ authorization: DeviceAuthorization, _ wait: DeviceWait) async {
        var pace = DevicePace(authorization)
        // Those of the client's secrets; each is refused once, not at each question.
        var refused = 0
        let clock = self.engine.clock
        while !wait.isOver {
            let next = clock.now + pace.interval
            guard next < wait.expiresAt else {
                try? await clock.sleep(until: wait.expiresAt, tolerance: nil)
                return wait.end(.failure(self.failed(wait.account, .expired)))
            }
            guard (try? await clock.sleep(until: next, tolerance: .milliseconds(100))) != nil else { return }
            // Anew each time: the configuration may have changed.
            do {
                let client = try self.client(of: wait.account)
                let requests = try self.presentations(of: client, after: refused).map {
                    try authorization.question(client: $0)
                }
                let (answer, more) = try await self.answer(to: requests, client)
                refused += more
                switch EnrolmentVerdict(answer, client: client.client, now: clock.now + clock.utcShift) {
                case .granted(let tokens):
                    let asked = AskedFor(scopes: self.scopes(for: wait.account, client))
                    return wait.end(.success(try await self.keep(tokens, wait.account, asked)))
                case .pending: break
                case .busy(_, let asked): pace.slowDown(wait: asked)
                case .refused(let refusal): return wait.end(.failure(self.failed(wait.account, refusal)))
                }
            } catch is EndpointError {
                pace.noAnswer()
            } catch {
                let cause = Cause.clientRejected.rawValue
                return wait.end(
                    .failure(error as? EngineError ?? .unavailable(wait.account, cause: cause, retryAt: nil))
                )
            }
        }
    }
}
