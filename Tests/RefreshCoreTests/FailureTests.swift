import RefreshCore
import Testing

@Suite struct FailureTests {
    @Test func `the causes are the words of the contract`() {
        #expect(
            Cause.allCases.map(\.rawValue) == [
                "network", "timeout", "tls", "rate_limited", "server_error", "malformed_answer", "client_rejected",
                "revoked", "answer_lost", "grace_missed", "identity_changed", "key_lost", "store_unavailable",
                "missing_permissions", "sink_refused",
            ]
        )
    }

    @Test func `the states are the words of the contract`() {
        #expect(
            AccountState.allCases.map(\.rawValue) == [
                "fresh", "refreshing", "retrying", "in_doubt", "needs_authorization", "misconfigured", "static",
                "paused",
            ]
        )
    }

    @Test(arguments: Standing.allCases)
    func `what is under way is told first, then the pause, then how it stands`(standing: Standing) {
        #expect(AccountState(standing: standing, isPaused: true, isRefreshing: true) == .refreshing)
        #expect(AccountState(standing: standing, isPaused: true, isRefreshing: false) == .paused)
        let plain = AccountState(standing: standing, isPaused: false, isRefreshing: false)
        #expect(plain.rawValue == (standing == .good ? "fresh" : standing.rawValue))
    }

    @Test func `moving a failure or a token moves every moment, there and back`() {
        let failure = Failure(
            cause: .network,
            message: "m",
            at: Timestamp(seconds: 10),
            retryAt: Timestamp(seconds: 20),
            count: 3
        )
        let moved = failure.shifted(by: .seconds(5))
        #expect(moved.at == Timestamp(seconds: 15) && moved.retryAt == Timestamp(seconds: 25) && moved.count == 3)
        #expect(moved.shifted(by: .seconds(-5)) == failure)

        let facts = TokenFacts(
            tokenType: "Bearer",
            scope: ["a"],
            issuedAt: Timestamp(seconds: 1),
            expiresAt: Timestamp(seconds: 2),
            grantExpiresAt: Timestamp(seconds: 3)
        )
        let later = facts.shifted(by: .seconds(7))
        #expect(later.issuedAt == Timestamp(seconds: 8) && later.expiresAt == Timestamp(seconds: 9))
        #expect(later.grantExpiresAt == Timestamp(seconds: 10))
        #expect(later.shifted(by: .seconds(-7)) == facts)
    }

    @Test(arguments: [Rotation.none, .parallel])
    func `only what stays good may be sent again freely`(rotation: Rotation) {
        #expect(!rotation.spends)
        #expect(Rotation.allCases.filter(\.spends) == [.grace, .onUse, .singleUse, .unknown])
    }

    @Test func `no part of a sealing place can be taken for another`() throws {
        func place(
            _ store: String,
            _ account: String,
            _ column: SealingPlace.Column,
            _ generation: Int64
        ) throws -> [UInt8] {
            let place = SealingPlace(
                store: StoreID(store),
                account: try AccountID(account),
                column: column,
                generation: Generation(generation)
            )
            return place.associatedData
        }
        let places = [
            try place("s", "a/b", .grant, 1), try place("s", "a/b", .grant, 11), try place("s", "a/b1", .grant, 1),
            try place("s", "a/b", .accessToken, 1), try place("sa", "a/b", .grant, 1),
            try place("s", "a/bg", .grant, 1),
            SealingPlace(keyCheckOf: StoreID("s")).associatedData,
        ]
        #expect(Set(places).count == places.count)
    }
}
