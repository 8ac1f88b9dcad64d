import RefreshCore

/// Which tokens the simulated providers honour, and why not: the judge of every loss.
///
/// Knows nothing of the engine. The access and the refresh token of one answer share a serial number, which is all that
/// is in their text.
struct Ledger: Sendable {
    /// Why a line of refresh tokens is over.
    enum End: Hashable, Sendable {
        /// By the user, at the provider.
        case revoked
        /// Somebody sent a refresh token that was used up.
        case reuse(of: Int)
    }

    /// One authorization by one user.
    struct Line: Sendable {
        var account: Int
        var user: Int
        var lane: Int
        var end: End?
        var issues: [Int] = []
    }

    /// One answer with tokens.
    struct Issue: Sendable {
        var line: Int
        /// Whose refresh token this answer's access token goes with: its own, or the one that stays good.
        var refresh: Int
        var expiresAt: Timestamp
        /// When its refresh token was first redeemed.
        var redeemedAt: Timestamp?
        /// Class C: somebody has used a newer access token.
        var isDead = false
        /// Whether the daemon held the whole answer.
        var hasReached = false
        /// Answers that were given for its refresh token.
        var children: [Int] = []
    }

    private(set) var lines: [Line] = []
    private(set) var issues: [Issue] = []
    private let terms: [Terms]

    /// How one provider behaves.
    struct Terms: Sendable {
        var habit: RotationHabit
        var lifetime: Duration
        /// Whether a replay within the grace is given the same answer again, which is as old as it is.
        var repeatsAnswer = false
    }

    init(terms: [Terms]) { self.terms = terms }

    func terms(of lane: Int) -> Terms { self.terms[lane] }

    func line(of serial: Int) -> Line { self.lines[self.issues[serial].line] }

    func habit(of serial: Int) -> RotationHabit { self.terms[self.line(of: serial).lane].habit }

    /// A user authorizes: a new line, and its first answer, which reaches the person's hands.
    mutating func authorize(account: Int, user: Int, lane: Int, at now: Timestamp) -> Int {
        self.lines.append(Line(account: account, user: user, lane: lane))
        let serial = self.issue(on: self.lines.count - 1, at: now)
        self.issues[serial].hasReached = true
        return serial
    }

    private mutating func issue(on line: Int, at now: Timestamp) -> Int {
        let serial = self.issues.count
        let lifetime = self.terms[self.lines[line].lane].lifetime
        self.issues.append(Issue(line: line, refresh: serial, expiresAt: now + lifetime))
        self.lines[line].issues.append(serial)
        return serial
    }

    /// Whether the refresh token would be taken now.
    func accepts(_ serial: Int, at now: Timestamp) -> Bool {
        let issue = self.issues[serial]
        guard self.lines[issue.line].end == nil else { return false }
        let habit = self.habit(of: serial)
        switch habit.rotation {
        case .none, .parallel: return true
        case .onUse: return !issue.isDead
        case .grace: return issue.redeemedAt.map { now < $0 + habit.grace } ?? true
        case .singleUse, .unknown: return issue.redeemedAt == nil
        }
    }

    /// Redeems a refresh token.
    ///
    /// - Returns: The serial number of the answer, a new one if none is repeated; nil for `invalid_grant`.
    mutating func redeem(_ serial: Int, at now: Timestamp) -> Int? {
        guard self.accepts(serial, at: now) else {
            self.punish(serial)
            return nil
        }
        let terms = self.terms[self.line(of: serial).lane]
        if terms.repeatsAnswer, terms.habit.rotation == .grace, let answer = self.issues[serial].children.last {
            return answer
        }
        let answer = self.issue(on: self.issues[serial].line, at: now)
        self.issues[serial].redeemedAt = self.issues[serial].redeemedAt ?? now
        self.issues[serial].children.append(answer)
        if self.habit(of: serial).rotation == .none { self.issues[answer].refresh = serial }
        return answer
    }

    private mutating func punish(_ serial: Int) {
        let line = self.line(of: serial)
        guard line.end == nil else { return }
        switch self.habit(of: serial).blast {
        case .none: break
        case .family: self.lines[self.issues[serial].line].end = .reuse(of: serial)
        case .clientUser:
            for index in self.lines.indices where self.lines[index].lane == line.lane {
                guard self.lines[index].user == line.user, self.lines[index].end == nil else { continue }
                self.lines[index].end = .reuse(of: serial)
            }
        }
    }

    /// Somebody uses an access token at the provider.
    mutating func use(_ serial: Int) {
        guard self.habit(of: serial).rotation == .onUse else { return }
        for older in self.lines[self.issues[serial].line].issues where older < serial {
            self.issues[older].isDead = true
        }
    }

    mutating func revoke(line: Int) { if self.lines[line].end == nil { self.lines[line].end = .revoked } }

    mutating func reached(_ serial: Int) { self.issues[serial].hasReached = true }

    /// Whether the server committed an answer to this refresh token that the daemon never held, and none that it did.
    func isAnswerLost(of serial: Int) -> Bool {
        let children = self.issues[serial].children
        return !children.isEmpty && !children.contains { self.issues[$0].hasReached }
    }
}
