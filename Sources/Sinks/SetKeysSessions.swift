import AsyncHTTPClient
package import Logging
import NIOCore
import NIOHTTP1
package import RefreshCore
import Synchronization

/// The sessions that `set_keys` calls from here have opened: one for each account, as its own visitor (facts, providers 2.4).
///
/// What the far side gives a visitor to carry is kept sealed in the store, and goes with the account's next delivery.
/// When the account goes, its session is closed.
package final class SetKeysSessions: Sendable {
    private struct Place: Hashable {
        var publicKey: String
        var storageKey: String
    }

    /// A host where sessions are, and the way to it.
    private struct Host {
        var settings: SetKeysSettings
        var client: HTTPClient
    }

    private let store: any JarStore
    private let storeID: StoreID
    private let sealer: any Sealer
    private let clock: any WallClock
    private let logger: Logger
    private let hosts = Mutex<[Place: Host]>([:])
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// How often a session is tried to be closed, from 1 s to 10 min apart: about two hours in all, and from the
    /// beginning after a restart.
    static let tries = 20

    package init(
        store: any JarStore,
        storeID: StoreID,
        sealer: any Sealer,
        clock: any WallClock,
        logger: Logger
    ) {
        self.store = store
        self.storeID = storeID
        self.sealer = sealer
        self.clock = clock
        self.logger = logger
        // One signal is as good as many: each has the reader look at everything.
        (self.signals, self.signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        // What an earlier process could not close.
        self.signal.yield()
    }

    // MARK: Jars

    /// What goes with the next call; empty when there is nothing, or nothing that opens.
    func jar(_ key: JarKey) async throws(StoreError) -> CookieJar {
        guard let sealed = try await self.store.jar(key),
            let cookies = try? self.sealer.open(sealed, at: SealingPlace(jarOf: self.storeID, key))
        else { return CookieJar() }
        return CookieJar(encoded: cookies)
    }

    /// Keeps what came back.
    ///
    /// If it cannot be kept, the next call is a new visitor's.
    func keep(_ jar: CookieJar, _ key: JarKey) async {
        let place = SealingPlace(jarOf: self.storeID, key)
        guard let cookies = try? self.sealer.seal(jar.encoded.revealBytes(), at: place) else { return }
        do throws(StoreError) {
            try await self.store.keep(SealedJar(key: key, cookies: cookies))
            // The account may have gone while its call was on its way.
            self.signal.yield()
        } catch {
            self.logger.warning(
                "the session at a sink could not be written down",
                metadata: ["account": "\(key.account)", "cause": "\(error.label)"]
            )
        }
    }

    // MARK: Closing

    /// Gets to know where sessions of these settings are; they are closed there also when the sink is configured no more.
    func learn(_ settings: SetKeysSettings, _ client: HTTPClient) {
        self.hosts.withLock { hosts in
            for key in settings.storageKeys.values {
                hosts[Place(publicKey: settings.publicKey, storageKey: key.text)] = Host(
                    settings: settings,
                    client: client
                )
            }
        }
    }

    /// An account has gone, and perhaps left a session behind.
    func wake() { self.signal.yield() }

    /// Closes the sessions of accounts that have gone, until the task is cancelled.
    package func run() async {
        for await _ in self.signals {
            var failures: [Int64: Int] = [:]
            while !Task.isCancelled, await self.pass(&failures) {
                // The most often refused one sets the pace: they are all at the same host, or few.
                let wait = RetryLadder.sink.wait(after: failures.values.max() ?? 1, phase: 0.5)
                try? await self.clock.sleep(until: self.clock.now + wait, tolerance: .milliseconds(100))
            }
        }
    }

    /// Tries each session once.
    ///
    /// - Returns: Whether something is left to be tried again.
    private func pass(_ failures: inout [Int64: Int]) async -> Bool {
        var last: Int64 = 0
        var isLeft = false
        do throws(StoreError) {
            while case let page = try await self.store.farewells(after: last, limit: 100), let end = page.last {
                for farewell in page where !Task.isCancelled {
                    let end = await self.close(farewell.jar)
                    if end == .later, failures[farewell.number, default: 0] + 1 < Self.tries {
                        failures[farewell.number, default: 0] += 1
                        isLeft = true
                    } else {
                        self.tell(end, farewell.jar.key)
                        failures[farewell.number] = nil
                        try await self.store.forget(farewell: farewell.number)
                    }
                }
                last = end.number
            }
        } catch {
            return true
        }
        return isLeft
    }

    /// What became of one try.
    private enum End {
        case closed
        case refused
        case unreachable
        case later
    }

    private func tell(_ end: End, _ key: JarKey) {
        let facts: Logger.Metadata = ["account": "\(key.account)"]
        switch end {
        case .closed: self.logger.info("the session of a removed account was closed", metadata: facts)
        case .refused, .unreachable, .later:
            self.logger.warning("the session of a removed account could not be closed", metadata: facts)
        }
    }

    /// `DELETE {url}/{storage_key}/session` with the jar (facts, providers 2.3).
    private func close(_ jar: SealedJar) async -> End {
        let place = Place(publicKey: jar.key.publicKey, storageKey: jar.key.storageKey)
        guard let host = self.hosts.withLock({ $0[place] }),
            let cookies = try? self.sealer.open(jar.cookies, at: SealingPlace(jarOf: self.storeID, jar.key)),
            let header = CookieJar(encoded: cookies).header
        else { return .unreachable }
        var request = HTTPClientRequest(url: host.settings.address(of: "session", under: jar.key.storageKey))
        request.method = .DELETE
        request.headers.add(name: "accept", value: "application/json")
        request.headers.add(name: "x-uploadcare-publickey", value: jar.key.publicKey)
        request.headers.add(name: "cookie", value: header.reveal())
        // Only a connection can fail here: nothing of the answer is read but its status.
        guard let response = try? await host.client.execute(request, timeout: .seconds(30)) else { return .later }
        switch response.status.code {
        case 200..<300, 401, 403, 404, 410: return .closed
        case 408, 425, 429, 500...599: return .later
        default: return .refused
        }
    }
}
