/// Who waits for the end of an account's attempt.
struct AttemptWaiters: Sendable {
    typealias Waiter = CheckedContinuation<Void, Never>

    private var bySlot: [Int32: [Int: Waiter]] = [:]
    private var last = 0

    func count(at slot: Int32) -> Int { self.bySlot[slot]?.count ?? 0 }

    /// - Returns: Its number, with which it may leave.
    mutating func add(_ waiter: Waiter, at slot: Int32) -> Int {
        self.last += 1
        self.bySlot[slot, default: [:]][self.last] = waiter
        return self.last
    }

    /// - Returns: Nil when it has been let go already.
    mutating func remove(_ number: Int, at slot: Int32) -> Waiter? {
        self.bySlot[slot]?.removeValue(forKey: number)
    }

    /// Takes out all who wait for one account, in the order in which they came and not in that of a dictionary.
    mutating func takeAll(at slot: Int32) -> [Waiter] {
        self.bySlot.removeValue(forKey: slot).map { $0.sorted { $0.key < $1.key }.map(\.value) } ?? []
    }

    /// Takes out everybody, in the order in which they came.
    mutating func takeAll() -> [Waiter] {
        defer { self.bySlot = [:] }
        return self.bySlot.values.flatMap(\.self).sorted { $0.key < $1.key }.map(\.value)
    }
}
