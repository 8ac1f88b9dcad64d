import RefreshCore
@testable import RefreshEngine
import Synchronization

// The invariants V1 to V9 (facts, section 2), each checked where it can first be seen to be broken.
extension World {
    /// V6: a lane's rate, by a bucket of its own making.
    func checkRate(_ lane: Int) {
        let (level, early) = self.state.withLock { state in
            var present = state.lanes[lane]
            defer { state.lanes[lane] = present }
            // Reading the grant takes a few milliseconds of its own, so requests may bunch by one.
            let isEarly = present.closed.map { state.now < $0.until && state.now > $0.heard + .milliseconds(100) }
            guard let rate = present.limits.rate else { return (1.0, isEarly ?? false) }
            let passed = Double((state.now - present.bucketAt).milliseconds) / 1_000
            present.bucket = min(Double(present.limits.concurrency), present.bucket + passed * rate) - 1
            present.bucketAt = state.now
            return (present.bucket, isEarly ?? false)
        }
        if level < -1.5 { self.violate("V6: lane p\(lane) is over its rate") }
        if early { self.violate("V6: lane p\(lane) was asked to wait, and did not") }
    }

    /// V3 and V4: what is sent is the newest, and nothing else of this account is under way.
    func checkRelease(_ request: Request) {
        let (isSecond, durable) = self.state.withLock { state in
            let isSecond = state.requests.contains {
                $0.account == request.account && $0.number != request.number && $0.isReleased
            }
            return (isSecond, state.rows[request.account])
        }
        let account = self.accounts[request.account]
        if isSecond { self.violate("V3: two redeems of \(account) at once") }
        guard self.climate.lanes[request.lane].terms.habit.rotation.spends else { return }
        if let durable, durable.refresh != request.serial {
            self.violate("V4: \(account): rt \(request.serial) is sent, and \(durable.refresh) is durable")
        }
    }

    /// V2 and V7: what a sink is given is committed, and not older than what it has.
    func checkDelivery(_ account: AccountID, _ serial: Int?, _ generation: Generation, to sink: String) {
        guard let number = self.number(of: account) else { return }
        let (row, accepted, era, present) = self.state.withLock { state in
            (
                state.rows[number], state.accepted[sink]?[number], serial.flatMap { state.eras[$0] },
                state.removals[number]
            )
        }
        // A delivery of what has been removed meanwhile does no harm.
        guard era == nil || era == present else { return }
        if let row, generation > row.generation || (generation == row.generation && serial != row.access) {
            self.violate("V2: sink \(sink) is given \(account) generation \(generation), which is not durable")
        }
        if let serial {
            let (expiresAt, now) = self.state.withLock { (Self.end(of: serial, $0), $0.now) }
            if expiresAt <= now { self.violate("V5: sink \(sink) is given a token of \(account) that has ended") }
        }
        let version = Version(era: era ?? present, generation: generation)
        if let accepted, version < accepted, row != nil {
            self.violate("V7: sink \(sink) has \(account) generation \(accepted.generation) and is given \(generation)")
        }
    }

    /// V2: what a watcher is told is committed.
    func checkEvent(_ event: Event) {
        guard event.kind != .removed, let number = self.number(of: event.account.account) else { return }
        let row = self.state.withLock { $0.rows[number] }
        guard let row, event.account.generation > row.generation else { return }
        self.violate("V2: watchers see \(event.account.account) generation \(event.account.generation)")
    }

    /// V5: what is handed out has not ended.
    func checkRead(_ token: RenderedToken) {
        guard let serial = Self.access(in: token) else {
            self.violate("V5: a reply of \(token.account) holds no access token")
            return
        }
        let (expiresAt, now) = self.state.withLock { (Self.end(of: serial, $0), $0.now) }
        if expiresAt <= now {
            self.violate("V5: \(token.account) is served at \(serial), which ended \(now - expiresAt) ago")
        }
    }

    /// When an access token ends, as far as it can be known.
    private static func end(of serial: Int, _ state: State) -> Timestamp {
        state.ledger.issues[serial].expiresAt + Swift.max(state.moved[serial]?.error ?? .zero, .zero)
    }

    /// The serial number of the access token in a reply.
    static func access(in token: RenderedToken) -> Int? {
        // The token is the first member of the reply, and its serial number the end of its text.
        guard let comma = token.reply.firstIndex(of: UInt8(ascii: ",")) else { return nil }
        let head = token.reply[..<comma]
        let digits = head.reversed().drop { !(48...57).contains($0) }.prefix { (48...57).contains($0) }
        return Int(String(decoding: digits.reversed(), as: UTF8.self))
    }

    // MARK: At rest

    /// V1, V2 and V9 of the accounts of which something has changed, or of all.
    func inspect(_ engine: Engine, all: Bool = false) {
        let touched = self.state.withLock { state in
            defer { state.touched = [] }
            return all ? Array(state.rows.indices) : state.touched.sorted()
        }
        for number in touched { self.inspect(number, engine) }
    }

    private func inspect(_ number: Int, _ engine: Engine) {
        let account = self.accounts[number]
        let row = self.state.withLock { $0.rows[number] }
        if let token = engine.table.token(for: account), let row {
            if token.generation == row.generation.next, let serial = Self.access(in: token),
                self.isPublishedEarly(serial, number)
            {
                // Readers do not suffer for our disk.
            } else if token.generation > row.generation {
                self.violate(
                    "V2: the table serves \(account) generation \(token.generation), durable is \(row.generation)"
                )
            } else if token.generation == row.generation, Self.access(in: token) != row.access {
                self.violate("V2: the table serves another token of \(account) than the durable one")
            }
        }
        guard let row, let record = engine.state.withLock({ $0.record(of: account) }) else { return }
        let isAtRest =
            !record.machine.isRefreshing && record.generation == row.generation
            && !self.state.withLock { state in state.requests.contains { $0.account == number } }
        guard isAtRest else { return }
        if let loss = self.state.withLock({ Self.loss(of: row, $0) }) { self.violate("V1: \(account): \(loss)") }
        guard record.machine.standing == .needsAuthorization, let cause = record.failure?.cause else { return }
        if let lie = self.state.withLock({ Self.lie(cause, of: row, &$0) }) { self.violate("V9: \(account): \(lie)") }
    }

    /// Whether an access token that is not durable may be served: the store refuses it, and its use hurts nobody.
    private func isPublishedEarly(_ serial: Int, _ number: Int) -> Bool {
        self.state.withLock { state in
            let rotation = self.climate.lanes[self.climate.accounts[number]].terms.habit.rotation
            return state.storeRefusedAt != nil && rotation != .onUse && state.ledger.issues[serial].hasReached
                && state.ledger.line(of: serial).account == number
        }
    }

    /// V1: why a durable refresh token is no good, if nobody but the daemon is to blame.
    private static func loss(of row: Row, _ state: State) -> String? {
        let ledger = state.ledger
        let issue = ledger.issues[row.refresh]
        guard !ledger.accepts(row.refresh, at: state.now), !state.excused.contains(issue.line) else { return nil }
        switch ledger.lines[issue.line].end {
        case .revoked:
            return nil
        case .reuse(let spent) where spent != row.refresh && ledger.issues[spent].line != issue.line:
            // The rule never sends again what could hurt other grants; a person may.
            return state.asked.contains(spent) || state.excused.contains(ledger.issues[spent].line)
                ? nil : "lost with rt \(spent), which was sent twice"
        case .reuse(let spent) where spent != row.refresh:
            return "rt \(row.refresh) is lost, for the older \(spent) was sent again"
        case .reuse, nil:
            break
        }
        guard ledger.isAnswerLost(of: row.refresh) else {
            return "rt \(row.refresh) is used up, and its answer, which came, is not kept"
        }
        let habit = ledger.habit(of: row.refresh)
        guard habit.rotation == .grace, let redeemedAt = issue.redeemedAt else { return nil }
        // Within its grace it would have been taken again: something must have stood in the way.
        let window = (redeemedAt - .seconds(900))...(redeemedAt + habit.grace)
        let lane = ledger.lines[issue.line].lane
        let troubles = state.lanes[lane].troubles.filter(window.contains).count
        // What ended unknown is written down before it is tried again: a store or journal that fails holds it up.
        let isHeldUp = state.storeRefusedAt.map { $0 >= window.lowerBound } ?? false
        let isHindered = troubles > 1 || state.troubles.contains(where: window.contains) || isHeldUp
        return isHindered ? nil : "rt \(row.refresh) was not sent again within its grace of \(habit.grace)"
    }

    /// V9: what is wrong with the cause of death, if anything.
    private static func lie(_ cause: Cause, of row: Row, _ state: inout State) -> String? {
        let ledger = state.ledger
        let issue = ledger.issues[row.refresh]
        guard !state.excused.contains(issue.line) else { return nil }
        let habit = ledger.habit(of: row.refresh)
        let lost: Cause = habit.rotation == .grace ? .graceMissed : .answerLost
        let isInDoubt = state.doubtful[row.refresh] != nil
        if ledger.accepts(row.refresh, at: state.now) {
            // Sent as often as the rule allows, and never answered: nobody can know.
            if isInDoubt, cause == lost {
                state.tally.givenUpAlive += 1
                return nil
            }
            return "called dead (\(cause.rawValue)), and rt \(row.refresh) is good"
        }
        switch ledger.lines[issue.line].end {
        case .revoked:
            return cause == .revoked || (isInDoubt && cause == lost) ? nil : "revoked, and called \(cause.rawValue)"
        case .reuse(let spent) where ledger.issues[spent].line != issue.line:
            return cause == .revoked || cause == lost ? nil : "lost with another, and called \(cause.rawValue)"
        case .reuse, nil:
            return cause == lost ? nil : "the answer was lost, and it is called \(cause.rawValue)"
        }
    }

    // MARK: At the end

    /// Whether everything has come to rest: nobody is refreshing, and every sink has what it should have.
    func isSettled(_ engine: Engine) -> Bool {
        let now = engine.clock.now
        return self.accounts.allSatisfy { account in
            guard let record = engine.state.withLock({ $0.record(of: account) }) else { return true }
            let isDelivered = record.deliveries.allSatisfy { $0.accepted == record.generation }
            switch record.machine.standing {
            case .good:
                let lives = engine.table.token(for: account)?.lives(.seconds(1), from: now) ?? false
                return record.machine.phase == .asleep && lives && isDelivered
            case .needsAuthorization: return record.dueAt == nil && record.machine.phase == .asleep
            case .inDoubt: return record.dueAt == nil && record.machine.phase == .asleep
            case .static: return true
            case .retrying, .misconfigured: return false
            }
        }
    }

    /// Everything once more when all has been quiet.
    func close(_ engine: Engine, leaks: Int) {
        self.inspect(engine, all: true)
        for (number, account) in self.accounts.enumerated() {
            guard let record = engine.state.withLock({ $0.record(of: account) }) else { continue }
            let (row, accepted) = self.state.withLock { state in
                (state.rows[number], Life.sinks.map { ($0, state.accepted[$0]?[number]) })
            }
            guard let row else { continue }
            self.state.withLock { state in
                let line = state.ledger.line(of: row.refresh)
                if line.end != .revoked, !state.ledger.accepts(row.refresh, at: state.now) {
                    state.tally.unavoidable += 1
                }
            }
            if record.generation != row.generation {
                self.violate(
                    "V7: \(account) is at generation \(record.generation) in memory, \(row.generation) on disk"
                )
            }
            switch record.machine.standing {
            case .good:
                for (sink, generation) in accepted where generation?.generation != row.generation {
                    let has = generation.map { "generation \($0.generation)" } ?? "nothing"
                    self.violate("V7: sink \(sink) has \(has) of \(account), and the newest is \(row.generation)")
                }
            case .needsAuthorization: self.tally { $0.deaths += 1 }
            case .retrying, .inDoubt, .misconfigured, .static: break
            }
        }
        if leaks > 0 { self.violate("V8: \(leaks) log entries hold a secret") }
    }
}
