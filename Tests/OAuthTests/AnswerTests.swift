import OAuth
import RefreshCore
import Testing

/// One answer to a refresh and what it must mean.
struct AnswerCase: Sendable, CustomTestStringConvertible {
    enum Expected: Sendable {
        /// The refresh token that is kept; nil: the old one.
        case renewed(
            refreshToken: String? = nil,
            type: String = "Bearer",
            lifetime: Lifetime = .known(.seconds(3_600)),
            scope: [String]? = nil,
            notes: Int = 0
        )
        case refused(FailureClass, retryAfter: Duration? = nil)
        case salvaged(String)
    }

    var name: String
    var profile: String
    var status: Int
    var headers: [(name: String, value: String)]
    var body: [UInt8]
    var expected: Expected

    init(
        _ name: String,
        _ profile: String,
        _ status: Int,
        headers: [(name: String, value: String)] = [],
        _ body: String,
        _ expected: Expected
    ) {
        self.init(name, bytes: Array(body.utf8), expected)
        self.profile = profile
        self.status = status
        self.headers = headers
    }

    init(_ name: String, _ profile: String, _ body: String, _ expected: Expected) {
        self.init(name, profile, 200, body, expected)
    }

    init(_ name: String, _ body: String, _ expected: Expected) { self.init(name, "box", 200, body, expected) }

    init(_ name: String, bytes: [UInt8], _ expected: Expected) {
        self.name = name
        self.profile = "box"
        self.status = 200
        self.headers = []
        self.body = bytes
        self.expected = expected
    }

    // The body holds tokens, and stays out of the test's name.
    var testDescription: String { "\(self.profile) \(self.status): \(self.name)" }
}

@Suite struct AnswerTests {
    // Sun, 06 Nov 1994 08:49:37 GMT.
    static let now = Timestamp(seconds: 784_111_777)
    static let sent = "canary-rt-1"

    static func verdict(_ answer: AnswerCase) throws -> RefreshVerdict {
        let profile = try #require(ProfileCatalogue().profile(named: answer.profile))
        let client = OAuthClient(id: try ClientID("app"), profile: profile, clientID: "app", clientSecret: nil)
        let raw = RawAnswer(status: answer.status, headers: answer.headers, body: Secret(answer.body))
        let grant = Grant(
            refreshToken: Secret(Self.sent),
            bindings: ["device_id": "d", "redirect_uri": "https://a.test/"]
        )
        return StandardRefresh().verdict(on: raw, grant: grant, client: client, now: Self.now)
    }

    @Test(arguments: GoodAnswers.all + BadAnswers.all)
    func `every answer means what the tables say`(answer: AnswerCase) throws {
        switch (try Self.verdict(answer), answer.expected) {
        case (.renewed(let token), .renewed(let refreshToken, let type, let lifetime, let scope, let notes)):
            #expect(token.accessToken == Secret("canary-at-2"))
            #expect(token.refreshToken == refreshToken.map { Secret($0) })
            #expect(token.tokenType == type)
            #expect(token.isBearer == (type == "Bearer"))
            #expect(token.lifetime == lifetime)
            #expect(token.scope == scope)
            #expect(token.notes.count == notes)
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

    @Test(arguments: GoodAnswers.all + BadAnswers.all)
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

    @Test func `the tables are as long as they were meant to be`() {
        #expect(GoodAnswers.all.count + BadAnswers.all.count >= 120)
    }

    @Test func `damaged answers never bring a token that could leave a header`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        let cases = GoodAnswers.all + BadAnswers.all.filter { $0.body.count < 4_096 }
        var counts = (renewed: 0, refused: 0, salvaged: 0)
        for _ in 0..<4_000 {
            guard var answer = cases.randomElement(using: &random), answer.body.count < 4_096 else { continue }
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
                #expect(token != Secret(Self.sent), "seed \(seed)")
            }
        }
        #expect(counts.renewed > 50 && counts.refused > 50 && counts.salvaged > 0, "seed \(seed)")
    }
}
