import Hummingbird
import Synchronization

extension PracticeResponder {
    /// `/play/PROVIDER` and the provider's own path behind it.
    func play(_ request: Request, path: String, query: String, performance: Performance) async throws -> Response {
        let rest = path.dropFirst("/play/".count)
        let end = rest.firstIndex(of: "/") ?? rest.endIndex
        guard let provider = PlayedProvider(rawValue: String(rest[..<end])),
            let entrance = provider.entrance(at: rest[end...])
        else {
            // A path that is nearly right is a client's mistake too.
            return self.refused(performance, .notFound)
        }
        let method = request.method.rawValue
        guard entrance.methods.contains(method) else {
            return self.refused(performance, .methodNotAllowed(entrance.methods.sorted().joined(separator: ", ")))
        }
        if case .consent(let consent) = entrance {
            return try await performance.perform(nil) { ledger, now in
                ledger.authorize(query: query, at: provider, consent, now: now)
            }
        }
        let played = PlayedRequest(
            provider: provider,
            method: method,
            request: try await self.read(request, query: query)
        )
        switch entrance {
        case .consent:
            return performance.whole(.notFound)
        case .ending(let ending):
            let fault = self.state.contents.withLock { $0.faults.next(for: [.revoke]) }
            return try await performance.perform(fault) { $0.end(played, ending, at: $1) }
        case .tokens(let door, let consent):
            if let consent, door == nil || played.bringsCode {
                guard consent.codeMethods.contains(method) else {
                    let allowed = consent.codeMethods.sorted().joined(separator: ", ")
                    return self.refused(performance, .methodNotAllowed(allowed))
                }
                let fault = self.state.contents.withLock { contents in
                    contents.ledger.tally.tokenRequests += 1
                    return contents.faults.next(for: [.token])
                }
                return try await performance.perform(fault) { $0.redeemCode(played, consent, at: $1) }
            }
            guard let door, door.methods.contains(method) else { return self.refused(performance, .notFound) }
            return try await self.refresh(played, door, performance)
        }
    }

    private func refresh(
        _ played: PlayedRequest,
        _ door: PlayedProvider.Door,
        _ performance: Performance
    ) async throws -> Response {
        let fault = self.state.contents.withLock { contents in
            contents.ledger.tally.tokenRequests += 1
            var scopes: [FaultScope] = []
            if let place = contents.ledger.playedGrant(played, door) {
                contents.ledger.grants[place].requests += 1
                scopes = [
                    .tokenAccount(contents.ledger.grants[place].account),
                    .tokenClient(contents.ledger.grants[place].client),
                ]
            }
            return contents.faults.next(for: scopes + [.token])
        }
        return try await performance.perform(fault) { ledger, now in ledger.play(played, door, at: now) }
    }

    private func refused(_ performance: Performance, _ answer: Answer) -> Response {
        self.state.contents.withLock { $0.ledger.tally.clientRefusals += 1 }
        return performance.whole(answer)
    }
}

extension PlayedProvider {
    /// What is behind one of a provider's paths.
    fileprivate enum Entrance {
        case consent(PlayedConsent)
        /// Where tokens are had: for a grant, for a code, or for both.
        case tokens(Door?, PlayedConsent?)
        case ending(PlayedEnding)

        var methods: Set<String> {
            switch self {
            case .consent: ["GET"]
            case .tokens(let door, let consent): (door?.methods ?? []).union(consent?.codeMethods ?? [])
            case .ending(let ending): [ending.method]
            }
        }
    }

    fileprivate func entrance(at path: Substring) -> Entrance? {
        if let consent, consent.path == path { return .consent(consent) }
        if let ending, ending.path == path { return .ending(ending) }
        let door = self.doors.first { $0.path == path }
        let consent = self.consent.flatMap { $0.codePath == path ? $0 : nil }
        return door == nil && consent == nil ? nil : .tokens(door, consent)
    }
}
