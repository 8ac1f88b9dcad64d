/// Whose requests a fault waits for.
package enum FaultScope: Hashable, Sendable {
    case token
    case tokenClient(String)
    /// `CLIENT/SUBJECT`.
    case tokenAccount(String)
    case setKeys
    case setKeysStorage(String)
    case setKeysAccount(String)
    case userinfo
    case revoke
}

/// The scripted faults, a queue for each scope.
struct FaultBook: Sendable {
    private struct Queue: Sendable {
        /// Newest first, so that taking the next one is cheap.
        var waiting: [Fault] = []
    }

    private var queues: [FaultScope: Queue] = [:]

    var waiting: Int { self.queues.values.reduce(0) { $0 + $1.waiting.count } }

    /// Appends to a scope's queue.
    ///
    /// - Throws: `.badOrder` for a fault that the scope cannot do.
    mutating func append(_ faults: [Fault], on scope: FaultScope) throws(PracticeError) {
        for fault in faults {
            guard fault.kind != .dropBeforeBody || scope == .token else {
                // Whose request it is stands in the body.
                throw .badOrder("drop_before_body is for the whole token endpoint only")
            }
            guard fault.times >= 0, fault.bytes >= 0, (200...599).contains(fault.status) else {
                throw .badOrder("times, bytes or status of a fault is out of range")
            }
        }
        self.queues[scope, default: Queue()].waiting.insert(contentsOf: faults.reversed(), at: 0)
    }

    mutating func clear() {
        self.queues = [:]
    }

    /// Takes the next fault of the first queue that has one, narrowest scope first.
    mutating func next(for scopes: [FaultScope]) -> Fault? {
        guard !self.queues.isEmpty else { return nil }
        for scope in scopes {
            if let fault = self.take(from: scope) { return fault }
        }
        return nil
    }

    /// Takes the next fault of the token endpoint if the connection is to be cut before the body is read.
    mutating func nextDropBeforeBody() -> Bool {
        guard self.queues[.token]?.waiting.last?.kind == .dropBeforeBody else { return false }
        return self.take(from: .token) != nil
    }

    private mutating func take(from scope: FaultScope) -> Fault? {
        guard var queue = self.queues[scope], let last = queue.waiting.indices.last else { return nil }
        let fault = queue.waiting[last]
        if fault.times == Fault.forever { return fault }
        if fault.times > 1 {
            queue.waiting[last].times -= 1
        } else {
            queue.waiting.removeLast()
        }
        self.queues[scope] = queue.waiting.isEmpty ? nil : queue
        return fault
    }
}
