/// Who waits, and how much each needs its turn.
///
/// A heap of accounts would be sifted twenty times for each of a million. Here those that end in the same second share
/// one bucket, first come first served, and only the buckets are sorted.
struct UrgencyQueue: Sendable {
    /// What decides the order, packed so that the lesser number is the greater need.
    ///
    /// ```
    /// 63      62…41              40           39…1               0
    /// settled end of the grant,  nobody asks  end of the token,  its use spends the grant
    ///         in hours                        in seconds
    /// ```
    struct Urgency: Hashable, Comparable, Sendable {
        let bits: UInt64

        private static let hours = UInt64(1) << 22 - 1
        private static let seconds = UInt64(1) << 39 - 1

        /// - Parameters:
        ///   - expiresAt: When the token ends; nil goes last.
        ///   - grantExpiresAt: When the refresh token ends, which is more than any token; nil when it is not known.
        ///   - demand: Who wants it.
        ///   - spends: Whether the use of the grant may lose it.
        init(
            expiresAt: Timestamp?,
            grantExpiresAt: Timestamp? = nil,
            demand: LaneDemand = .schedule,
            spends: Bool = true
        ) {
            let hour = grantExpiresAt.map { Swift.min(UInt64(Swift.max($0.seconds, 0)) / 3_600, Self.hours - 1) }
            let second = expiresAt.map { Swift.min(UInt64(Swift.max($0.seconds, 0)), Self.seconds - 1) }
            let isSettled: UInt64 = demand == .replay ? 0 : 1
            let isUnasked: UInt64 = demand == .schedule ? 1 : 0
            self.bits =
                isSettled << 63 | (hour ?? Self.hours) << 41 | isUnasked << 40 | (second ?? Self.seconds) << 1
                | (spends ? 1 : 0)
        }

        init(bits: UInt64) { self.bits = bits }

        var isReplay: Bool { self.bits >> 63 == 0 }
        var isAsked: Bool { self.bits >> 40 & 1 == 0 }
        var spends: Bool { self.bits & 1 == 1 }

        /// Whether the token has ended.
        func isLate(at now: Timestamp) -> Bool { self.bits >> 1 & Self.seconds < UInt64(Swift.max(now.seconds, 0)) }

        /// The order in which those are served who can still be served in time: who is asked for, then who ends first.
        var hope: UInt64 { self.bits & (1 << 41 - 1) }

        /// How little is lost with the grant: nothing if use does not spend it, then if nobody asks for it, then the
        /// longer its token still lives.
        var expendability: UInt64 { (self.spends ? 0 : 1 << 63) | self.hope >> 1 }

        static func < (left: Urgency, right: Urgency) -> Bool { left.bits < right.bits }
    }

    private struct Bucket: Sendable {
        var slots: [Int32]
        var head = 0
    }

    private var buckets: [UInt64: Bucket] = [:]
    /// Buckets by need, and by hope.
    ///
    /// What is empty by now is left in them and passed over.
    private var need = BucketHeap()
    private var hope = BucketHeap()

    private(set) var count = 0

    /// Entries kept for the sake of the order, those passed over included.
    var footprint: Int { Swift.max(self.need.count, self.hope.count) }

    mutating func push(_ slot: Int32, _ urgency: Urgency) {
        self.count += 1
        if self.buckets[urgency.bits]?.slots.append(slot) != nil { return }
        self.buckets[urgency.bits] = Bucket(slots: [slot])
        self.need.push(order: urgency.bits, bucket: urgency.bits)
        self.hope.push(order: urgency.hope, bucket: urgency.bits)
        if self.need.count > 2 * self.buckets.count + 64 {
            self.need = BucketHeap(self.buckets.keys.lazy.map { ($0, $0) })
        }
        if self.hope.count > 2 * self.buckets.count + 64 {
            self.hope = BucketHeap(self.buckets.keys.lazy.map { (Urgency(bits: $0).hope, $0) })
        }
    }

    /// Whoever needs it most.
    mutating func first() -> Urgency? {
        while let top = self.need.top {
            if self.buckets[top] != nil { return Urgency(bits: top) }
            self.need.pop()
        }
        return nil
    }

    /// Whoever needs it most of those that are asked for or whose token has not ended.
    mutating func firstInTime(at now: Timestamp) -> Urgency? {
        while let top = self.hope.top {
            let urgency = Urgency(bits: top)
            if self.buckets[top] != nil, urgency.isAsked || !urgency.isLate(at: now) { return urgency }
            // Who is late is late for ever; its bucket is still known by need.
            self.hope.pop()
        }
        return nil
    }

    /// Whoever's grant is missed least.
    ///
    /// Looks at every bucket: only for the few probes of a provider in trouble.
    func mostExpendable() -> Urgency? {
        let best = self.buckets.keys.max { Urgency(bits: $0).expendability < Urgency(bits: $1).expendability }
        return best.map(Urgency.init(bits:))
    }

    /// Takes the one out that has waited longest at this urgency.
    mutating func take(_ urgency: Urgency) -> Int32? {
        guard let index = self.buckets.index(forKey: urgency.bits) else { return nil }
        self.count -= 1
        let head = self.buckets.values[index].head
        let slot = self.buckets.values[index].slots[head]
        if head + 1 == self.buckets.values[index].slots.count {
            self.buckets.remove(at: index)
        } else {
            self.buckets.values[index].head = head + 1
        }
        return slot
    }
}

/// A binary heap of buckets, the least order first.
private struct BucketHeap: Sendable {
    private var heap: [(order: UInt64, bucket: UInt64)] = []

    init() {}

    init(_ all: some Sequence<(order: UInt64, bucket: UInt64)>) {
        // Sorted is a heap.
        self.heap = all.sorted { $0.order < $1.order }
    }

    var count: Int { self.heap.count }

    var top: UInt64? { self.heap.first?.bucket }

    mutating func push(order: UInt64, bucket: UInt64) {
        self.heap.append((order, bucket))
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].order < self.heap[parent].order else { return }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() {
        guard let last = self.heap.popLast(), !self.heap.isEmpty else { return }
        self.heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.heap.count {
                if self.heap[child].order < self.heap[least].order { least = child }
            }
            guard least != parent else { return }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }
}
