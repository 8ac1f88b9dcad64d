import OAuth
import RefreshCore
import Testing

// The body holds tokens, and stays out of the test's name.
extension AnswerCase: CustomTestStringConvertible {
    var testDescription: String { "\(self.source): \(self.profile) \(self.status) \(self.name)" }
}

@Suite struct AnswerTests {
    // Sun, 06 Nov 1994 08:49:37 GMT.
    static let now = Timestamp(seconds: 784_111_777)

    static func verdict(_ answer: AnswerCase) throws -> RefreshVerdict {
        try #require(answer.judged(now: Self.now), "no such profile")
    }

    @Test(arguments: AnswerCase.all)
    func `every answer means what its source says`(answer: AnswerCase) throws {
        switch (try Self.verdict(answer), answer.verdict) {
        case (
            .renewed(let token), .renewed(let refreshToken, let type, let lifetime, let scope, let withheld, let notes)
        ):
            #expect(token.accessToken == Secret("canary-at-2"))
            #expect(token.refreshToken == refreshToken.map { Secret($0) })
            #expect(token.tokenType == type)
            #expect(token.lifetime == lifetime)
            #expect(token.scope == scope)
            #expect(token.withheld == withheld)
            #expect(token.notes == notes)
        case (.refused(let failure, let message, let retryAfter), .refused(let expected, let expectedWait)):
            #expect(failure == expected)
            #expect(retryAfter == expectedWait)
            #expect(!message.isEmpty)
        case (.salvaged(let token, _), .salvaged(let expected)):
            #expect(token == Secret(expected))
        case (.renewed, _), (.refused, _), (.salvaged, _):
            Issue.record("another kind of verdict")
        }
    }

    @Test(arguments: AnswerCase.all)
    func `no text of a server gets into a message or a note`(answer: AnswerCase) throws {
        let texts: [String] =
            switch try Self.verdict(answer) {
            case .renewed(let token): token.notes
            case .refused(_, let message, retryAfter: _), .salvaged(_, let message): [message]
            }
        for text in texts {
            #expect(!text.contains("canary"))
            #expect(text.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        }
    }

    @Test func `every row of the failure catalogue that an answer can show has an answer in the tables`() {
        // F05, F16 and F31 to F32 are about many answers, E15 and E16 about none.
        let rows = [
            1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 33,
        ]
        let wanted =
            rows.map { $0 < 10 ? "F0\($0)" : "F\($0)" } + ["E09", "E10", "E11", "E12", "E13", "E14", "E17", "T4"]
        let sources = Set(AnswerCase.all.flatMap { $0.source.split(separator: "; ").map(String.init) })
        #expect(Set(wanted).subtracting(sources).isEmpty)
        #expect(AnswerCase.all.allSatisfy { !$0.source.isEmpty })
    }

    @Test func `every provider that is refreshed has good and bad answers in the tables`() {
        for profile in BuiltInProfiles.all where profile.strategyImplementation != nil {
            let answers = AnswerCase.all.filter { $0.profile == profile.id }
            #expect(answers.contains { if case .renewed = $0.verdict { true } else { false } }, "\(profile.id)")
            #expect(
                answers.contains { if case .refused(.deadGrant, _) = $0.verdict { true } else { false } },
                "\(profile.id)"
            )
        }
    }

    @Test func `damaged answers never bring a token that could leave a header`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let cases = AnswerCase.all.filter { $0.body.count < 4_096 }
        var counts = (renewed: 0, refused: 0, salvaged: 0)
        for _ in 0..<4_000 {
            guard var answer = cases.randomElement(using: &random) else { continue }
            JSONReaderTests.damage(&answer.body, &random)
            switch try Self.verdict(answer) {
            case .renewed(let token):
                counts.renewed += 1
                for secret in [token.accessToken, token.refreshToken ?? token.accessToken] {
                    let bytes = secret.revealBytes()
                    let isSound = (1...65_536).contains(bytes.count) && bytes.allSatisfy { (0x20...0x7E).contains($0) }
                    #expect(isSound, "seed \(seed)")
                }
                #expect(!token.accessToken.revealBytes().contains(0x20), "seed \(seed)")
                #expect(token.tokenType.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "seed \(seed)")
                if case .known(let time) = token.lifetime { #expect(time > .zero && time < .seconds(1 << 32)) }
            case .refused(_, let message, let retryAfter):
                counts.refused += 1
                #expect(message.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "seed \(seed)")
                if let retryAfter { #expect((.seconds(1)...Duration.seconds(3_600)).contains(retryAfter)) }
            case .salvaged(let token, _):
                counts.salvaged += 1
                #expect(token.revealBytes().allSatisfy { (0x20...0x7E).contains($0) }, "seed \(seed)")
                #expect(token != Secret(AnswerCase.sent), "seed \(seed)")
            }
        }
        #expect(counts.renewed > 50 && counts.refused > 50 && counts.salvaged > 0, "seed \(seed)")
    }
}
