package import Logging
import OAuth
package import RefreshCore
import ServiceLifecycle
import Synchronization

/// New authorizations: sends people to the provider, and trades what they come back with for an account.
///
/// What waits for a person is in memory alone. A restart forgets it, and the person begins again; what a provider has
/// granted by then goes through `Engine.put` and is as safe as any token.
package final class Enrolment: Service {
    /// What a person is given to go to.
    package struct Start: Hashable, Sendable {
        package let url: String
        package let state: String
        /// UTC.
        package let expiresAt: Timestamp
    }

    /// What a person is given to type in on another device.
    package struct DeviceStart: Hashable, Sendable {
        package let userCode: String
        package let verificationURI: String
        package let verificationURIComplete: String?
        /// By which the end is asked for.
        package let state: String
        /// UTC.
        package let expiresAt: Timestamp
    }

    private struct State {
        var pending = PendingAuthorizations()
        var devices: [String: DeviceWait] = [:]
        /// By issuer; nil: it could not be read.
        var metadata: [String: (document: ServerMetadata?, until: Timestamp)] = [:]
        var isStopping = false
    }

    private struct Poll: Sendable {
        var authorization: DeviceAuthorization
        var wait: DeviceWait
    }

    /// Device authorizations that are asked after at once.
    private static let deviceLimit = 256
    /// How long the end of one is remembered, and a metadata document believed.
    private static let memory: Duration = .seconds(600)

    private let engine: Engine
    private let secrets: any SecretSource
    private let logger: Logger
    private let state = Mutex(State())
    private let polls: AsyncStream<Poll>
    private let pollSource: AsyncStream<Poll>.Continuation

    package init(engine: Engine, secrets: any SecretSource, logger: Logger) {
        self.engine = engine
        self.secrets = secrets
        self.logger = logger
        (self.polls, self.pollSource) = AsyncStream.makeStream()
    }

    /// Asks after device authorizations until graceful shutdown; those that are not over then are forgotten.
    package func run() async throws {
        await withDiscardingTaskGroup { group in
            for await poll in self.polls.cancelOnGracefulShutdown() {
                group.addTask { await self.ask(poll.authorization, poll.wait) }
            }
            let devices = self.state.withLock { state in
                state.isStopping = true
                return Array(state.devices.values)
            }
            for device in devices { device.end(.failure(.authorizationFailed(.stopping))) }
            group.cancelAll()
        }
    }

    /// How many wait for a person.
    package var pendingCount: Int { self.state.withLock { $0.pending.count } }

    /// Whose authorization a state belongs to; nil when nobody knows it, or not any more.
    package func account(of state: String) -> AccountID? {
        let now = self.engine.clock.now
        return self.state.withLock { $0.pending.entry(state, at: now)?.account ?? $0.devices[state]?.account }
    }

    /// Whether a state belongs to a device: its end can be waited for, and it takes no code.
    package func isDevice(_ state: String) -> Bool { self.state.withLock { $0.devices[state] != nil } }
}

// MARK: - In a browser

extension Enrolment {
    /// Begins an authorization in a browser.
    ///
    /// - Parameters:
    ///   - account: What the account will be called, or is.
    ///   - redirectURI: Where the browser is sent back to; nil: as registered, or the provider shows the code.
    ///   - scopes: Nil for those of the client's configuration.
    /// - Returns: The address, and what names it.
    /// - Throws: `EngineError.clientNotFound`, `invalidParameter`, or `authorizationFailed` when the client has no
    ///   authorization endpoint or too many are pending.
    package func begin(
        _ account: AccountID,
        redirectURI: String?,
        scopes: [String]?
    ) async throws(EngineError) -> Start {
        let client = try self.client(of: account)
        let profile = client.client.profile
        let metadata = await profile.authorizationEndpoint == nil ? self.metadata(of: client) : nil
        guard let endpoint = profile.authorizationEndpoint ?? metadata?.authorizationEndpoint else {
            throw .authorizationFailed(.noAuthorizationEndpoint)
        }
        let request: AuthorizationRequest
        do throws(AuthorizationRequestError) {
            request = try AuthorizationRequest(
                client: client.client,
                endpoint: endpoint,
                redirectURI: redirectURI,
                scopes: scopes,
                secrets: self.secrets
            )
        } catch {
            switch error {
            case .redirectURI: throw .invalidParameter("redirect_uri")
            case .scopes: throw .invalidParameter("scopes")
            }
        }
        let now = self.engine.clock.now
        let entry = PendingAuthorizations.ByCode(
            request: request,
            account: account,
            issuer: profile.issuer,
            issuerIsNamed: metadata?.issuerIsNamed ?? false,
            expiresAt: now + PendingAuthorizations.lifetime
        )
        guard self.state.withLock({ $0.pending.insert(entry, at: now) }) else { throw .authorizationFailed(.tooMany) }
        self.tell("authorization begun", account)
        return Start(
            url: request.url,
            state: request.state,
            expiresAt: entry.expiresAt + self.engine.clock.utcShift
        )
    }

    /// Ends an authorization in a browser: trades the code for tokens, and puts them.
    ///
    /// A state is used up by it, whatever comes of it; but for a request that provably never left, and for an address that
    /// answers another request.
    ///
    /// - Parameters:
    ///   - state: As `begin` gave it.
    ///   - code: The code alone; of this and `callback` exactly one is there.
    ///   - callback: The address that the browser was sent back to.
    /// - Returns: The account as it is now.
    /// - Throws: `EngineError.authorizationFailed`; `unavailable` when the provider could not be reached (and the same may
    ///   be tried again), or when no answer came (`answer_lost`). Other cases as `Engine.put`.
    package func complete(
        state: String,
        code: String?,
        callback: String?
    ) async throws(EngineError) -> AccountView {
        // Before the code is spent: nothing could be put yet, or not any more.
        guard !self.engine.isLoading else { throw .loading }
        guard !self.state.withLock({ $0.isStopping }) else { throw .authorizationFailed(.stopping) }
        let now = self.engine.clock.now
        guard let entry = self.state.withLock({ $0.pending.entry(state, at: now) }) else {
            throw .authorizationFailed(.unknownState)
        }
        let client = try self.client(of: entry.account)
        let answer: AuthorizationCallback
        do throws(AuthorizationRefusal) {
            answer = try Self.read(code, callback, entry, client.client.profile)
        } catch {
            // The provider said no, or somebody in its name; either way there is nothing left to wait for. An address that
            // answers another request says nothing about this one.
            if error != .otherState, error != .malformedCallback {
                _ = self.state.withLock { $0.pending.take(state, at: now) }
            }
            throw self.failed(entry.account, error)
        }
        let request: EndpointRequest
        do throws(RefreshRequestError) {
            request = try CodeExchange.make(answer, of: entry.request, client: client.client)
        } catch {
            if case .noBinding = error { throw .invalidParameter("callback") }
            throw .unavailable(entry.account, cause: Cause.clientRejected.rawValue, retryAt: nil)
        }
        // Of two that bring the same state at the same time, one gets it.
        guard self.state.withLock({ $0.pending.take(state, at: now) }) != nil else {
            throw .authorizationFailed(.unknownState)
        }
        let raw: RawAnswer
        do throws(EndpointError) {
            raw = try await client.endpoint.send(request) { true }
        } catch {
            guard case .notSent(let reason) = error else {
                throw .unavailable(entry.account, cause: Cause.answerLost.rawValue, retryAt: nil)
            }
            self.state.withLock { $0.pending.putBack(entry) }
            throw .unavailable(entry.account, cause: reason.cause.rawValue, retryAt: nil)
        }
        switch EnrolmentVerdict(raw, client: client.client, now: self.engine.clock.now + self.engine.clock.utcShift) {
        case .granted(let tokens):
            let bindings = CodeExchange.bindings(answer, of: entry.request, client: client.client)
            return try await self.keep(
                tokens,
                entry.account,
                AskedFor(scopes: entry.request.scopes, bindings: bindings)
            )
        case .pending: throw self.failed(entry.account, .malformedAnswer)
        case .busy(let refusal, _), .refused(let refusal): throw self.failed(entry.account, refusal)
        }
    }

    private static func read(
        _ code: String?,
        _ callback: String?,
        _ entry: PendingAuthorizations.ByCode,
        _ profile: ProviderProfile
    ) throws(AuthorizationRefusal) -> AuthorizationCallback {
        if let callback {
            return try AuthorizationCallback(
                parsing: callback,
                state: entry.request.state,
                profile: profile,
                issuer: entry.issuer,
                issuerIsNamed: entry.issuerIsNamed
            )
        }
        return try AuthorizationCallback(code: code ?? "")
    }
}

// MARK: - On another device

extension Enrolment {
    /// Begins an authorization on another device (RFC 8628), and asks after it until its end.
    package func beginDevice(_ account: AccountID) async throws(EngineError) -> DeviceStart {
        guard !self.engine.isLoading else { throw .loading }
        let client = try self.client(of: account)
        var endpoint = client.client.profile.deviceAuthorizationEndpoint
        if endpoint == nil { endpoint = await self.metadata(of: client)?.deviceAuthorizationEndpoint }
        guard let endpoint else { throw .authorizationFailed(.noDeviceEndpoint) }
        self.forgetOldDevices()
        guard self.state.withLock({ $0.devices.count < Self.deviceLimit }) else {
            throw .authorizationFailed(.tooMany)
        }
        let authorization: DeviceAuthorization
        do {
            let request = try DeviceAuthorization.request(to: endpoint, client: client.client)
            let answer = try await client.endpoint.send(request) { true }
            authorization = try DeviceAuthorization(answer, client: client.client)
        } catch let refusal as AuthorizationRefusal {
            throw self.failed(account, refusal)
        } catch {
            let cause = (error as? EndpointError)?.reason.cause ?? .clientRejected
            throw .unavailable(account, cause: cause.rawValue, retryAt: nil)
        }
        let wait = DeviceWait(account: account, expiresAt: self.engine.clock.now + authorization.lifetime)
        let state = AuthorizationRequest.newState(self.secrets)
        let isTaken = self.state.withLock { contents in
            guard !contents.isStopping else { return false }
            contents.devices[state] = wait
            return true
        }
        guard isTaken else { throw .authorizationFailed(.stopping) }
        self.pollSource.yield(Poll(authorization: authorization, wait: wait))
        self.tell("authorization on another device begun", account)
        return DeviceStart(
            userCode: authorization.userCode,
            verificationURI: authorization.verificationURI,
            verificationURIComplete: authorization.verificationURIComplete,
            state: state,
            expiresAt: wait.expiresAt + self.engine.clock.utcShift
        )
    }

    /// Waits for the end of an authorization on another device.
    ///
    /// - Throws: `EngineError.authorizationFailed` when it was denied or came too late, or nobody knows it.
    package func end(ofDevice state: String) async throws(EngineError) -> AccountView {
        guard let wait = self.state.withLock({ $0.devices[state] }) else {
            throw .authorizationFailed(.unknownState)
        }
        // Nobody is there any more to be told.
        guard let outcome = await wait.outcome() else { throw .authorizationFailed(.stopping) }
        return try outcome.get()
    }

    /// Asks until there is an answer, or the time is over.
    private func ask(_ authorization: DeviceAuthorization, _ wait: DeviceWait) async {
        var pace = DevicePace(authorization)
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
                let request = try authorization.question(client: client.client)
                let answer = try await client.endpoint.send(request) { true }
                switch EnrolmentVerdict(answer, client: client.client, now: clock.now + clock.utcShift) {
                case .granted(let tokens):
                    let asked = AskedFor(scopes: client.client.profile.scopes)
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

    private func forgetOldDevices() {
        let now = self.engine.clock.now
        self.state.withLock { state in
            state.devices = state.devices.filter { !$0.value.isOver || $0.value.expiresAt + Self.memory > now }
        }
    }
}

// MARK: - What both need

extension Enrolment {
    private func client(of account: AccountID) throws(EngineError) -> ClientSettings {
        guard let id = try? ClientID(String(account.client)),
            let client = self.engine.state.withLock({ $0.settings.clients[id] })
        else {
            throw .clientNotFound(String(account.client))
        }
        return client
    }

    /// Puts the tokens, and tries again for a while if the store fails: nobody else has them.
    private func keep(
        _ tokens: Secret,
        _ account: AccountID,
        _ asked: AskedFor
    ) async throws(EngineError) -> AccountView {
        let clock = self.engine.clock
        let deadline = clock.now + .seconds(30)
        var pause: Duration = .milliseconds(250)
        while true {
            do throws(EngineError) {
                return try await self.engine.put(account, answer: tokens.revealBytes(), issuedAt: nil, asked: asked)
            } catch {
                switch error {
                case .invalidParameter: throw self.failed(account, .malformedAnswer)
                case .unavailable, .conflict, .loading:
                    guard clock.now + pause < deadline,
                        (try? await clock.sleep(until: clock.now + pause, tolerance: nil)) != nil
                    else { throw error }
                    pause = pause * 2
                case .accountNotFound, .clientNotFound, .needsAuthorization, .authorizationFailed, .notRemoved:
                    throw error
                }
            }
        }
    }

    /// What the provider publishes; asked for only where the client's own endpoints leave something open.
    private func metadata(of client: ClientSettings) async -> ServerMetadata? {
        guard let issuer = client.client.profile.issuer, let source = client.metadata else { return nil }
        let now = self.engine.clock.now
        if let known = self.state.withLock({ $0.metadata[issuer] }), known.until > now { return known.document }
        for address in ServerMetadata.addresses(of: issuer) {
            guard let answer = try? await source.document(at: address), answer.status == 200,
                let document = ServerMetadata(parsing: answer.body.revealBytes(), issuer: issuer)
            else { continue }
            // As many as there are issuers in the configuration.
            self.state.withLock { $0.metadata[issuer] = (document, now + Self.memory) }
            return document
        }
        // For a while nobody waits for it again.
        self.state.withLock { $0.metadata[issuer] = (nil, self.engine.clock.now + .seconds(30)) }
        return nil
    }

    private func failed(_ account: AccountID, _ refusal: AuthorizationRefusal) -> EngineError {
        self.tell("authorization failed", account, [LogKeys.reason: "\(refusal.label)"])
        return .authorizationFailed(refusal)
    }

    private func tell(_ message: Logger.Message, _ account: AccountID, _ more: Logger.Metadata = [:]) {
        let facts: Logger.Metadata = [LogKeys.account: "\(account)", LogKeys.client: "\(account.client)"]
        self.logger.info(message, metadata: facts.merging(more) { $1 })
    }
}
