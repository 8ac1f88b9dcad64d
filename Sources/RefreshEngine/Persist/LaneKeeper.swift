import Logging
import OAuth
import RefreshCore
import Synchronization

/// What lanes have learnt of their providers, over a restart: kept when one closes or opens, recalled before the first
/// attempt (facts V6, I09).
///
/// So neither a crash loop nor an operator who restarts makes a provider that has asked for peace be asked again.
struct LaneKeeper: Sendable {
    /// Every lane as it stands at the moment of the writing.
    typealias Snapshot = @Sendable () -> [String: [UInt8]]

    let archive: any LaneArchive
    private let writes: GroupCommit<Snapshot, Void>

    init(archive: any LaneArchive) {
        self.archive = archive
        self.writes = GroupCommit { snapshots throws(StoreError) in
            // They would all be the same, for each is taken now and not when it was asked for.
            if let snapshot = snapshots.first { try await archive.saveLanes(snapshot()) }
            return snapshots.map { _ in () }
        }
    }

    /// Returns once the lanes, as they are now or later, are durable.
    func keep(_ snapshot: @escaping Snapshot) async throws(StoreError) { try await self.writes.submit(snapshot) }
}

/// One lane in the form in which it is kept: what it knows, and which client it knew it of.
struct KeptLane: Sendable {
    /// Of a client whose registration is another one now, nothing is held against it but a wait that was asked for.
    var registration: [UInt8]
    var memory: LaneMemory

    static let registrationLength = 16

    init(registration: [UInt8], memory: LaneMemory) {
        self.registration = registration
        self.memory = memory
    }

    /// Reads what `encoded` wrote; nil for anything else.
    init?(decoding bytes: [UInt8]) {
        guard bytes.count > Self.registrationLength,
            let memory = LaneMemory(decoding: Array(bytes.dropFirst(Self.registrationLength)))
        else { return nil }
        self.init(registration: Array(bytes.prefix(Self.registrationLength)), memory: memory)
    }

    func encoded() -> [UInt8] { self.registration + self.memory.encoded() }
}

extension Engine {
    /// Takes up what the lanes knew when the last process ended.
    ///
    /// Once, before the first attempt.
    ///
    /// - Throws: `StoreError`, when it cannot be read: then nothing else can be, either.
    func recallLanes() async throws(StoreError) {
        guard let archive = self.laneKeeper?.archive else { return }
        let kept = try await archive.lanes().compactMapValues(KeptLane.init(decoding:))
        let (now, shift) = (self.clock.now, self.clock.utcShift)
        let stops = self.state.withLock { state in
            let registrations = self.registrations(state.settings)
            return state.recallLanes(at: now) { lane in
                guard let found = kept[lane.name] else { return nil }
                return (found.memory.shifted(by: .zero - shift), found.registration == registrations[lane])
            }
        }
        for (client, stop) in stops { self.laneStopped(client, stop) }
        // Also one that was never kept before: the next start must know that it is not the first.
        await self.keepLanes(evenUnchanged: true)
    }

    /// Writes the lanes down if one has closed or opened.
    ///
    /// A failure is no reason to stop anything: it is tried again with the next change.
    func keepLanes(evenUnchanged: Bool = false) async {
        guard let keeper = self.laneKeeper else { return }
        let hasChanged = self.state.withLock { state in
            defer { state.haveLanesChanged = false }
            return state.haveLanesChanged
        }
        guard hasChanged || evenUnchanged else { return }
        do throws(StoreError) {
            try await keeper.keep { self.keptLanes() }
        } catch {
            self.state.withLock { $0.haveLanesChanged = true }
            self.logger.debug("the lanes could not be kept", metadata: [LogKeys.cause: "\(error.label)"])
        }
    }

    /// Writes down that a request of a slow lane is about to be sent.
    ///
    /// Where one request is the budget of a second or an hour, each restart would send one more than the rate allows.
    func keepLane(before ticket: EngineState.Ticket) async {
        guard self.state.withLock({ $0.lanes[ticket.lane]?.keepsEachRequest == true }) else { return }
        await self.keepLanes(evenUnchanged: true)
    }

    private func keptLanes() -> [String: [UInt8]] {
        let shift = self.clock.utcShift
        let (settings, memories) = self.state.withLock { state in
            (state.settings, state.lanes.mapValues { $0.memory() })
        }
        let registrations = self.registrations(settings)
        var kept: [String: [UInt8]] = [:]
        for (lane, memory) in memories {
            guard let registration = registrations[lane] else { continue }
            kept[lane.name] = KeptLane(registration: registration, memory: memory.shifted(by: shift)).encoded()
        }
        return kept
    }

    /// By which each lane's registration at the provider is known again; tells nothing of the client's secret.
    private func registrations(_ settings: EngineSettings) -> [LaneID: [UInt8]] {
        let clients = settings.clients.values.map(\.client).sorted { $0.id < $1.id }
        return Dictionary(grouping: clients, by: \.lane).mapValues { clients in
            var parts: [UInt8] = []
            for client in clients {
                parts += client.authenticationMethod.rawValue.utf8
                parts.append(0)
                for secret in [client.clientSecret].compactMap(\.self) + client.otherSecrets {
                    parts += secret.revealBytes()
                    parts.append(0)
                }
            }
            return Array(self.sealer.fingerprint(of: Secret(parts)).prefix(KeptLane.registrationLength))
        }
    }
}

extension EngineState {
    /// Has every lane take up what is remembered of it.
    ///
    /// - Parameters:
    ///   - now: Before the first attempt.
    ///   - recall: What is remembered of a lane, on the daemon's time line, and whether its client is still registered
    ///     as it was then; nil for a lane that was never there.
    /// - Returns: The lanes that let nobody through for now, by a client of each.
    mutating func recallLanes(
        at now: Timestamp,
        _ recall: (LaneID) -> (memory: LaneMemory, isSameClient: Bool)?
    ) -> [(ClientID, LaneStop)] {
        for lane in self.lanes.keys {
            guard let (memory, isSameClient) = recall(lane) else { continue }
            self.lanes[lane]?.restore(memory, at: now)
            // Somebody has changed it since, and perhaps mended what was refused.
            if !isSameClient { self.lanes[lane]?.release() }
        }
        return self.settings.clients.keys.sorted().compactMap { client in
            self.laneMachine(of: client)?.stop(at: now).map { (client, $0) }
        }
    }
}

extension LaneID {
    /// Under which it is kept; an endpoint has no blank in it.
    fileprivate var name: String { "\(self.endpoint) \(self.clientID)" }
}
