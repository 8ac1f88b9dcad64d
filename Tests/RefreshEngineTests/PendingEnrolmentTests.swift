import OAuth
import RefreshCore
@testable import RefreshEngine
import Testing

/// How many may wait for a person at once, and for how long.
@Suite struct PendingEnrolmentTests {
    private static let now = Timestamp(seconds: 1_000_000)

    @Test func `there is room for so many, and the oldest of one account makes room for its next`() throws {
        var pending = PendingAuthorizations()
        var isTaken = false
        var states: [String] = []
        for number in 0..<(PendingAuthorizations.limitPerAccount + 1) {
            let entry = try self.entry("box/alice", number)
            states.append(entry.request.state)
            isTaken = pending.insert(entry, at: Self.now)
            #expect(isTaken)
        }
        #expect(pending.count == PendingAuthorizations.limitPerAccount)
        #expect(pending.entry(states[0], at: Self.now) == nil && pending.entry(states[1], at: Self.now) != nil)
        for number in pending.count..<PendingAuthorizations.limit {
            isTaken = try pending.insert(self.entry("box/user-\(number)", number + 100), at: Self.now)
            #expect(isTaken)
        }
        isTaken = try pending.insert(self.entry("box/one-more", 9_999), at: Self.now)
        #expect(!isTaken)
        isTaken = try pending.insert(self.entry("box/one-more", 9_999), at: Self.now + PendingAuthorizations.lifetime)
        #expect(isTaken)
        #expect(pending.count == 1)
    }

    private func wait(_ number: Int, _ account: String, lifetime: Duration = .seconds(60)) throws -> DeviceWait {
        DeviceWait(state: "\(number)", account: try AccountID(account), expiresAt: Self.now + lifetime)
    }

    private static let over = DeviceWait.Outcome.failure(.unknownAuthorization)

    @Test func `the oldest device of an account makes room for its next, and other accounts have theirs`() throws {
        var waits = DeviceWaits()
        var isTaken = false
        let first = try self.wait(0, "box/alice")
        isTaken = waits.insert(first, at: Self.now)
        #expect(isTaken)
        isTaken = try waits.insert(self.wait(1, "box/bob"), at: Self.now)
        #expect(isTaken)
        for number in 2..<(2 + DeviceWaits.limitPerAccount) {
            #expect(!first.isOver)
            isTaken = try waits.insert(self.wait(number, "box/alice"), at: Self.now)
            #expect(isTaken)
        }
        #expect(first.isOver)
        #expect(waits.underWay.count == DeviceWaits.limitPerAccount + 1)
    }

    @Test func `a device that is over takes nobody's room, and is remembered for a while`() throws {
        var waits = DeviceWaits()
        var isTaken = false
        for number in 0..<DeviceWaits.limit {
            isTaken = try waits.insert(self.wait(number, "box/\(number)"), at: Self.now)
            #expect(isTaken)
        }
        #expect(!waits.hasRoom)
        isTaken = try waits.insert(self.wait(1_000, "box/more"), at: Self.now)
        #expect(!isTaken)
        waits.wait("7")?.end(Self.over)
        isTaken = try waits.insert(self.wait(1_000, "box/more"), at: Self.now)
        #expect(isTaken)
        #expect(waits.wait("7") != nil && !waits.hasRoom)
        waits.wait("8")?.end(Self.over)
        let later = Self.now + .seconds(60) + DeviceWaits.memory
        isTaken = try waits.insert(self.wait(1_001, "box/late", lifetime: .seconds(3_600)), at: later)
        #expect(isTaken)
        #expect(waits.wait("7") == nil && waits.wait("8") == nil)
    }

    @Test func `what is remembered of devices is bounded`() throws {
        var waits = DeviceWaits()
        var isTaken = false
        for number in 0..<(3 * DeviceWaits.limit) {
            let wait = try self.wait(number, "box/\(number)")
            isTaken = waits.insert(wait, at: Self.now)
            #expect(isTaken)
            wait.end(Self.over)
        }
        #expect(waits.wait("\(DeviceWaits.limit - 1)") == nil)
        #expect(waits.wait("\(DeviceWaits.limit)") != nil)
    }

    /// Secrets that are different for each number.
    private struct Numbered: SecretSource {
        let number: Int
        func bytes(_ count: Int) -> [UInt8] { Array("\(self.number)".utf8) + Array(repeating: 0, count: count) }
        func digest(of bytes: [UInt8]) -> [UInt8] { bytes }
    }

    private func entry(_ name: String, _ number: Int) throws -> PendingAuthorizations.ByCode {
        let client = OAuthClient(
            id: try ClientID("box"),
            profile: BuiltInProfiles.rfc6749,
            clientID: "box",
            clientSecret: nil
        )
        return PendingAuthorizations.ByCode(
            request: try AuthorizationRequest(
                client: client,
                endpoint: "https://box.example/authorize",
                redirectURI: nil,
                scopes: nil,
                secrets: Numbered(number: number)
            ),
            account: try AccountID(name),
            issuer: nil,
            issuerIsNamed: false,
            expiresAt: Self.now + PendingAuthorizations.lifetime
        )
    }
}
