import RefreshCore

/// Values with something in every field, different for each number.
enum Sample {
    static func account(_ number: Int) throws -> AccountID { try AccountID("box/user-\(number)") }

    static func renewal(_ number: Int, sinks: [SinkID] = []) -> Renewal {
        Renewal(
            facts: facts(number),
            sealedToken: SealedBytes(Array("sealed token \(number)".utf8)),
            sealedGrant: SealedBytes(Array("sealed grant \(number)".utf8)),
            standing: .good,
            sinks: sinks
        )
    }

    static func facts(_ number: Int) -> TokenFacts {
        let issued = Timestamp(milliseconds: 1_700_000_000_123 + Int64(number))
        return TokenFacts(
            tokenType: "Bearer",
            scope: ["read", "scope-\(number)"],
            issuedAt: issued,
            expiresAt: issued + .seconds(3_600),
            grantExpiresAt: number.isMultiple(of: 2) ? issued + .seconds(7_776_000) : nil
        )
    }

    static func failure(_ number: Int) -> Failure {
        Failure(
            cause: Cause.allCases[number % Cause.allCases.count],
            message: "failure \(number)",
            at: Timestamp(milliseconds: 1_700_000_001_000 + Int64(number)),
            retryAt: number.isMultiple(of: 2) ? nil : Timestamp(milliseconds: 1_700_000_009_000),
            count: number + 1
        )
    }

    static func doubt(_ number: Int) -> Doubt {
        Doubt(unknowns: number + 1, since: Timestamp(milliseconds: 1_700_000_002_789 + Int64(number)))
    }

    static func due(_ number: Int) -> Timestamp { Timestamp(milliseconds: 1_700_003_000_456 + Int64(number)) }

    static func put(_ id: AccountID, _ renewal: Renewal, replacing: Generation? = nil) -> AccountEdit {
        .put(id, profile: "box", replacing: replacing, renewal, dueAt: due(1))
    }

    static func renewed(_ id: AccountID, from generation: Int64, _ renewal: Renewal) -> AttemptResult {
        AttemptResult(account: id, generation: Generation(generation), outcome: .renewed(renewal), dueAt: due(2))
    }

    static func failed(
        _ id: AccountID,
        from generation: Int64,
        _ failure: Failure,
        _ standing: Standing = .retrying,
        doubt: Doubt? = nil
    ) -> AttemptResult {
        AttemptResult(
            account: id,
            generation: Generation(generation),
            outcome: .failed(failure, standing: standing, doubt: doubt),
            dueAt: due(3)
        )
    }
}
