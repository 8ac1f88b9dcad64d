/// One grant and everything that ever happened to it.
struct Grant: Sendable {
    /// A refresh token, by its serial.
    struct RefreshToken: Sendable {
        enum Condition: Hashable, Sendable {
            case good
            /// Spent, and good until this moment.
            case inGrace(until: Double)
            /// Spent, and no longer good.
            case spent
        }

        let secret: TokenSecret
        /// The serial of the refresh token that was redeemed for this one.
        let parent: Int?
        var condition: Condition
        /// The generation that the last redeem of this token made, if any did.
        var latestChild: Int?
    }

    /// A generation: one access token, and the refresh token that came with it.
    struct Commit: Sendable {
        let secret: TokenSecret
        let at: Double
        /// The serial of the refresh token that was redeemed; nil for the first generation.
        let parent: Int?
        /// The serial of the refresh token that is good with this access token.
        let refreshToken: Int
        /// When an answer that carries it had first left whole; nil before that.
        var deliveredAt: Double?
        var isUsed = false

        var isDelivered: Bool { self.deliveredAt != nil }
    }

    enum Revoker: String, Sendable {
        case judge, client, reuse
    }

    let account: String
    let client: String
    let user: String
    let terms: GrantTerms
    var refreshTokens: [RefreshToken]
    /// Generation 1 is at index 0.
    var commits: [Commit]
    var revokedBy: Revoker?
    /// Whether somebody asked for a refresh token, where one must be asked for.
    var isOffline = true
    /// What VK ID bound the grant to on the way back; nil: a name made of the grant's place.
    var device: String?

    var requests = 0
    var replays = 0
    var doubleRedeems = 0
    var refusals = 0
    var inFlight = 0
    var maximumInFlight = 0
    var answersDelivered = 0
    var sink = SinkHistory()

    init(account: String, client: String, user: String, terms: GrantTerms, now: Double) {
        self.account = account
        self.client = client
        self.user = user
        self.terms = terms
        self.refreshTokens = [RefreshToken(secret: .random(), parent: nil, condition: .good)]
        // Delivered: whoever made the grant holds its tokens.
        self.commits = [Commit(secret: .random(), at: now, parent: nil, refreshToken: 0, deliveredAt: now)]
    }

    var generation: Int { self.commits.count }

    /// Whether the refresh token would be taken now.
    func isGood(refreshToken serial: Int, at now: Double) -> Bool {
        guard self.revokedBy == nil, !self.isTooOld(refreshToken: serial, at: now) else { return false }
        return switch self.refreshTokens[serial].condition {
        case .good: true
        case .inGrace(let end): now < end
        case .spent: false
        }
    }

    /// Whether the refresh token has ended by itself.
    func isTooOld(refreshToken serial: Int, at now: Double) -> Bool {
        guard let lifetime = self.terms.refreshTokenLifetime else { return false }
        let start =
            switch self.terms.refreshTokenStart {
            case .issue: self.commits.first { $0.refreshToken == serial }
            case .use: self.commits.last { $0.refreshToken == serial }
            case .consent: self.commits.first
            }
        return start.map { now >= $0.at + Double(lifetime) } ?? false
    }

    /// Seconds that the access token of `generation` lives.
    func lifetime(of generation: Int) -> Int {
        generation == 1 ? self.terms.firstLifetime ?? self.terms.lifetime : self.terms.lifetime
    }

    /// Whether the access token of `generation` is good now.
    func isGood(generation: Int, at now: Double) -> Bool {
        guard self.revokedBy == nil else { return false }
        guard !self.terms.killsAccessToken || generation == self.generation else { return false }
        return now < self.commits[generation - 1].at + Double(self.lifetime(of: generation))
    }

    /// Spends the refresh token at `serial` as the class has it, and commits a new generation.
    ///
    /// - Returns: The new generation.
    mutating func commit(redeeming serial: Int, at now: Double) -> Int {
        let next: Int
        switch self.terms.rotation {
        case .n:
            next = serial
        case .m, .g, .c, .s:
            next = self.refreshTokens.count
            self.refreshTokens.append(RefreshToken(secret: .random(), parent: serial, condition: .good))
        }
        switch self.terms.rotation {
        case .n, .m, .c:
            break
        case .g:
            // A replay does not begin the grace time anew.
            if self.refreshTokens[serial].condition == .good {
                self.refreshTokens[serial].condition = .inGrace(until: now + Double(self.terms.grace))
            }
        case .s:
            self.refreshTokens[serial].condition = .spent
        }
        self.commits.append(
            Commit(secret: .random(), at: now, parent: serial, refreshToken: next)
        )
        self.refreshTokens[serial].latestChild = self.generation
        return self.generation
    }

    /// The access token of `generation` was used at the provider's interface.
    ///
    /// In class C this proves that the answer arrived, so what it descends from is spent.
    mutating func use(generation: Int) {
        guard !self.commits[generation - 1].isUsed else { return }
        self.commits[generation - 1].isUsed = true
        guard self.terms.rotation == .c else { return }
        var ancestor = self.commits[generation - 1].parent
        // Ends at a spent one: its own ancestors were spent with it.
        while let serial = ancestor, self.refreshTokens[serial].condition != .spent {
            self.refreshTokens[serial].condition = .spent
            ancestor = self.refreshTokens[serial].parent
        }
    }
}

/// Which generations of a grant the sink took, over all public keys and storage keys.
struct SinkHistory: Sendable {
    /// How many of the last acceptances are kept.
    static let limit = 100

    var generations: [Int] = []
    var last: Int?
    var outOfOrder = 0

    mutating func append(_ generation: Int, isOutOfOrder: Bool) {
        // Cut seldom, and by half: not every append should move the array.
        if self.generations.count >= 2 * Self.limit { self.generations.removeFirst(Self.limit) }
        self.generations.append(generation)
        self.last = generation
        if isOutOfOrder { self.outOfOrder += 1 }
    }
}
