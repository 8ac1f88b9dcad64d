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

    struct State {
        var pending = PendingAuthorizations()
        var devices = DeviceWaits()
        /// By issuer; nil: it could not be read.
        var metadata: [String: (document: ServerMetadata?, until: Timestamp)] = [:]
        var isStopping = false
    }

    /// A device authorization that is to be asked after.
    struct Poll: Sendable {
        var authorization: DeviceAuthorization
        var wait: DeviceWait
    }

    /// How long a metadata document is believed.
    private static let memory: Duration = .seconds(600)

    let engine: Engine
    let secrets: any SecretSource
    private let logger: Logger
    let state = Mutex(State())
    private let polls: AsyncStream<Poll>
    let pollSource: AsyncStream<Poll>.Continuation

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
                return state.devices.underWay
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
        return self.state.withLock { $0.pending.entry(state, at: now)?.account ?? $0.devices.wait(state)?.account }
    }

    /// Whether a state belongs to a device: its end can be waited for, and it takes no code.
    package func isDevice(_ state: String) -> Bool { self.state.withLock { $0.devices.wait(state) != nil } }
}

// MARK: - In a browser

extension Enrolment {
    /// Begins an authorization in a browser.
    ///
    /// - Parameters:
    ///   - account: What the account will be called, or is.
    ///   - redirectURI: Where the browser is sent back to; nil: as registered, or the provider shows the code.
    ///   - scopes: Nil for those of the client's configuration, with what the sinks need.
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
                scopes: scopes ?? self.scopes(for: account, client),
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
        let requests: [EndpointRequest]
        do throws(RefreshRequestError) {
            requests = try self.presentations(of: client).map { (client) throws(RefreshRequestError) in
                try CodeExchange.make(answer, of: entry.request, client: client)
            }
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
            raw = try await self.answer(to: requests, client).answer
        } catch {
            guard case .notSent(let reason) = error else {
                throw .unavailable(entry.account, cause: Cause.answerLost.rawValue, retryAt: nil)
            }
            self.state.withLock { $0.pending.putBack(entry) }
            throw .unavailable(entry.account, cause: reason.cause.rawValue, retryAt: nil)
        }
        switch EnrolmentVerdict(raw, client: client.client, now: self.engine.clock.now + self.engine.clock.utcShift) {
        case .granted(let tokens):
            guard CodeExchange.isOurs(raw, to: entry.request, profile: client.client.profile) else {
                throw self.failed(entry.account, .otherState)
            }
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

// MARK: - What both need

extension Enrolment {
    func client(of account: AccountID) throws(EngineError) -> ClientSettings {
        guard let id = try? ClientID(String(account.client)),
            let client = self.engine.state.withLock({ $0.settings.clients[id] })
        else {
            throw .clientNotFound(String(account.client))
        }
        return client
    }

    /// What a new grant is to permit: what the client's configuration asks for, or else what the present grant permits,
    /// and what sinks need that would hold a delivery back without it.
    ///
    /// - Returns: Nothing where neither is known: the provider then grants what is registered with it.
    func scopes(for account: AccountID, _ client: ClientSettings) -> [String] {
        let id = client.client.id
        let (present, needed) = self.engine.state.withLock { state in
            let sinks = state.settings.sinks.sorted { $0.key < $1.key }.map(\.value)
            return (
                state.record(of: account)?.facts.scope ?? [],
                sinks.filter(\.refusesMissingScopes).flatMap { $0.requiredScopes[id, default: []] }
            )
        }
        let asked = client.client.profile.scopes
        var scopes = asked.isEmpty ? present : asked
        let missing = RequiredPermissions.missing(needed, from: scopes)
        // Without a need of ours, what is registered stays the provider's business.
        if asked.isEmpty, missing.isEmpty { return [] }
        for scope in missing where !scopes.contains(scope) { scopes.append(scope) }
        return scopes
    }

    /// The client with each of its secrets: the one in use, then those that may be tried in its place (facts C07).
    ///
    /// - Parameters:
    ///   - client: One of the configured.
    ///   - refused: How many of its secrets have been refused already.
    /// - Returns: One for each secret, or the client as it is if it has none.
    func presentations(of client: ClientSettings, after refused: Int = 0) -> [OAuthClient] {
        let inUse = self.engine.state.withLock { $0.secrets[client.client.id]?.number ?? 0 }
        return (0...client.client.otherSecrets.count).map { client.client.presenting(inUse + refused + $0) }
    }

    /// Sends one of some requests that differ in the client's secret alone: the next one only if the client was refused.
    ///
    /// Who refuses the client has not looked at its code yet, which is good once.
    ///
    /// - Parameters:
    ///   - requests: One or more.
    ///   - client: Whose they are.
    /// - Returns: The first answer that is no such refusal, or the last one, and how many were before it.
    /// - Throws: `EndpointError` of the request that it was about; those before it were refused.
    func answer(
        to requests: [EndpointRequest],
        _ client: ClientSettings
    ) async throws(EndpointError) -> (answer: RawAnswer, refused: Int) {
        var refused = 0
        while true {
            let answer = try await client.endpoint.send(requests[refused]) { true }
            guard refused + 1 < requests.count, answer.refuses(client.client) else { return (answer, refused) }
            refused += 1
        }
    }

    /// Puts the tokens, and tries again for a while if the store fails: nobody else has them.
    func keep(
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
    func metadata(of client: ClientSettings) async -> ServerMetadata? {
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

    func failed(_ account: AccountID, _ refusal: AuthorizationRefusal) -> EngineError {
        self.tell("authorization failed", account, [LogKeys.reason: "\(refusal.label)"])
        return .authorizationFailed(refusal)
    }

    func tell(_ message: Logger.Message, _ account: AccountID, _ more: Logger.Metadata = [:]) {
        let facts: Logger.Metadata = [LogKeys.account: "\(account)", LogKeys.client: "\(account.client)"]
        self.logger.info(message, metadata: facts.merging(more) { $1 })
    }
}
