import Glibc
import TimerWheel

/// What the timer wheel costs, beside a plain binary heap in the same run.
///
/// Absolute figures move with the machine from minute to minute; the ratios hold. The workload is a daemon's life with
/// deadlines spread over 1 hour to 60 days: add all, move some, then sleep to the next deadline, fire, put back.
enum WheelBenchmark {
    /// Runs the table of 10^4 and 10^6 timers in ticks of one millisecond and prints it.
    static func run() {
        print("timers     structure   add ns     cancel+re-add ns   fire+re-add ns   worst call µs   worst wake µs")
        for timers in [10_000, 1_000_000] {
            let wheel = Figures(of: WheelContender.self, timers: timers, ticksPerSecond: 1_000)
            let heap = Figures(of: HeapContender.self, timers: timers, ticksPerSecond: 1_000)
            print(wheel.row("wheel", beside: heap))
            print(heap.row("heap", beside: heap))
        }
    }

    /// Prints one line of JSON for comparison with other programs that run the same workload.
    static func timers(label: String, timers: Int, ticksPerSecond: UInt64) {
        let figures = Figures(of: WheelContender.self, timers: timers, ticksPerSecond: ticksPerSecond)
        print(figures.json(label: label))
    }
}

/// A structure that can run the workload.
private protocol Contender: ~Copyable {
    init(capacity: Int, now: UInt64)
    mutating func add(_ id: Int32, at tick: UInt64)
    mutating func cancel(_ id: Int32)
    /// Not called when empty.
    mutating func next() -> UInt64
    /// Appends due ids; returns whether it wants to be called again for the same tick.
    mutating func advance(to tick: UInt64, into due: inout [Int32]) -> Bool
}

private struct WheelContender: Contender, ~Copyable {
    var wheel: TimerWheel

    init(capacity: Int, now: UInt64) {
        self.wheel = TimerWheel(now: now, capacity: capacity)
    }

    mutating func add(_ id: Int32, at tick: UInt64) { self.wheel.insert(id, at: tick) }
    mutating func cancel(_ id: Int32) { self.wheel.remove(id) }
    mutating func next() -> UInt64 { self.wheel.nextTick ?? .max }
    mutating func advance(to tick: UInt64, into due: inout [Int32]) -> Bool { self.wheel.advance(to: tick, into: &due) }
}

/// A binary heap that leaves cancelled entries in place and skips them when they come up.
private struct HeapContender: Contender {
    struct Entry {
        var tick: UInt64
        var id: Int32
        var turn: UInt32
    }

    var entries: [Entry] = []
    var turns: [UInt32]

    init(capacity: Int, now: UInt64) {
        self.entries.reserveCapacity(capacity * 2)
        self.turns = Array(repeating: 0, count: capacity)
    }

    mutating func add(_ id: Int32, at tick: UInt64) {
        let entry = Entry(tick: tick, id: id, turn: self.turns[Int(id)])
        self.entries.append(entry)
        var hole = self.entries.count - 1
        while hole > 0, self.entries[(hole - 1) / 2].tick > tick {
            self.entries[hole] = self.entries[(hole - 1) / 2]
            hole = (hole - 1) / 2
        }
        self.entries[hole] = entry
    }

    mutating func cancel(_ id: Int32) { self.turns[Int(id)] &+= 1 }

    mutating func next() -> UInt64 {
        while let top = self.entries.first, top.turn != self.turns[Int(top.id)] { self.removeFirst() }
        return self.entries.first?.tick ?? .max
    }

    mutating func advance(to tick: UInt64, into due: inout [Int32]) -> Bool {
        while let top = self.entries.first, top.tick <= tick {
            self.removeFirst()
            guard top.turn == self.turns[Int(top.id)] else { continue }
            self.turns[Int(top.id)] &+= 1
            due.append(top.id)
        }
        return false
    }

    private mutating func removeFirst() {
        let entry = self.entries.removeLast()
        let count = self.entries.count
        guard count > 0 else { return }
        var hole = 0
        while hole * 2 + 1 < count {
            var child = hole * 2 + 1
            if child + 1 < count, self.entries[child + 1].tick < self.entries[child].tick { child += 1 }
            guard self.entries[child].tick < entry.tick else { break }
            self.entries[hole] = self.entries[child]
            hole = child
        }
        self.entries[hole] = entry
    }
}

/// The figures of one run: nanoseconds for each operation.
private struct Figures {
    var timers: Int
    var ticksPerSecond: UInt64
    var add = 0.0
    var cancelAndAdd = 0.0
    var fireAndAdd = 0.0
    var wakesPerFire = 0.0
    /// The longest single `advance`: how long a caller's lock would be held.
    var worstCall: UInt64 = 0
    /// The longest wake-up, all its calls and the adding back together: how late the last of its timers may be.
    var worstWake: UInt64 = 0
    var drain = 0.0
    var drainWakes = 0
    var bytesPerTimer = 0.0

    /// Runs the workload.
    ///
    /// Not inlined, so that there is one copy for each structure and its loops stay the same.
    @inline(never)
    init<Structure: Contender & ~Copyable>(of type: Structure.Type, timers: Int, ticksPerSecond: UInt64) {
        self.timers = timers
        self.ticksPerSecond = ticksPerSecond
        var random = XorShift()
        var now = 1_000 * ticksPerSecond
        let shortest = 3_600 * ticksPerSecond
        let span = 60 * 86_400 * ticksPerSecond - shortest
        let residentBefore = Usage.residentBytes
        var structure = Structure(capacity: timers, now: now)
        var due: [Int32] = []
        due.reserveCapacity(1_024)

        var start = nanoseconds()
        addAll(to: &structure, timers: timers, from: now + shortest, span: span, random: &random)
        self.add = Double(nanoseconds() - start) / Double(timers)
        self.bytesPerTimer = Double(Usage.residentBytes - residentBefore) / Double(timers)

        let changes = min(timers, 1_000_000)
        start = nanoseconds()
        move(changes, in: &structure, timers: timers, from: now + shortest, span: span, random: &random)
        self.cancelAndAdd = Double(nanoseconds() - start) / Double(changes)

        let fires = min(timers * 2, 2_000_000)
        var fired = 0
        var wakes = 0
        start = nanoseconds()
        while fired < fires {
            now = max(now, structure.next())
            wakes += 1
            var more = true
            while more {
                more = structure.advance(to: now, into: &due)
                for id in due { structure.add(id, at: now + shortest + random.next() % span) }
                fired += due.count
                due.removeAll(keepingCapacity: true)
            }
        }
        self.fireAndAdd = Double(nanoseconds() - start) / Double(fired)
        self.wakesPerFire = Double(wakes) / Double(fired)

        fired = 0
        let end = now + 9 * 86_400 * ticksPerSecond
        while fired < fires, now < end {
            now = max(now, structure.next())
            let woken = nanoseconds()
            var more = true
            while more {
                let called = nanoseconds()
                more = structure.advance(to: now, into: &due)
                self.worstCall = max(self.worstCall, nanoseconds() - called)
                for id in due { structure.add(id, at: now + shortest + random.next() % span) }
                fired += due.count
                due.removeAll(keepingCapacity: true)
            }
            self.worstWake = max(self.worstWake, nanoseconds() - woken)
        }

        fired = 0
        start = nanoseconds()
        while fired < timers {
            now = max(now, structure.next())
            self.drainWakes += 1
            while structure.advance(to: now, into: &due) {}
            fired += due.count
            due.removeAll(keepingCapacity: true)
        }
        self.drain = Double(nanoseconds() - start) / Double(timers)
    }

    func row(_ name: String, beside base: Figures) -> String {
        func cell(_ value: Double, _ other: Double, width: Int) -> String {
            let text = "\(tenths(value)) (\(hundredths(value / other)))"
            return text + String(repeating: " ", count: max(1, width - text.count))
        }
        var row = "\(self.timers)" + String(repeating: " ", count: 11 - "\(self.timers)".count)
        row += name + String(repeating: " ", count: 12 - name.count)
        row += cell(self.add, base.add, width: 17)
        row += cell(self.cancelAndAdd, base.cancelAndAdd, width: 17)
        row += cell(self.fireAndAdd, base.fireAndAdd, width: 17)
        row += cell(Double(self.worstCall) / 1e3, Double(base.worstCall) / 1e3, width: 17)
        row += cell(Double(self.worstWake) / 1e3, Double(base.worstWake) / 1e3, width: 17)
        return row
    }

    func json(label: String) -> String {
        """
        {"label":"\(label)","n":\(self.timers),"unit_per_s":\(self.ticksPerSecond),"add_ns":\(tenths(self.add)),\
        "cancel_readd_ns":\(tenths(self.cancelAndAdd)),"fire_readd_ns":\(tenths(self.fireAndAdd)),\
        "wakes_per_fire":\(hundredths(self.wakesPerFire)),"worst_advance_us":\(tenths(Double(self.worstCall) / 1e3)),\
        "worst_wake_us":\(tenths(Double(self.worstWake) / 1e3)),"drain_ns":\(tenths(self.drain)),\
        "drain_wakes":\(self.drainWakes),"bytes_per":\(tenths(self.bytesPerTimer)),"bad":0}
        """
    }
}

// The two short loops stand alone so that they keep everything in registers. In the middle of a long function they spill
// to its frame, and waiting for the frame pointer, which each call saves and restores, then takes as long as the work.

@inline(never)
private func addAll<Structure: Contender & ~Copyable>(
    to structure: inout Structure,
    timers: Int,
    from first: UInt64,
    span: UInt64,
    random: inout XorShift
) {
    var local = random
    for id in 0..<Int32(timers) { structure.add(id, at: first + local.next() % span) }
    random = local
}

@inline(never)
private func move<Structure: Contender & ~Copyable>(
    _ changes: Int,
    in structure: inout Structure,
    timers: Int,
    from first: UInt64,
    span: UInt64,
    random: inout XorShift
) {
    var local = random
    for _ in 0..<changes {
        let id = Int32(local.next() % UInt64(timers))
        structure.cancel(id)
        structure.add(id, at: first + local.next() % span)
    }
    random = local
}

/// Marsaglia's xorshift, with the seed that other programs of the comparison use: all run the same deadlines.
private struct XorShift {
    var state: UInt64 = 88_172_645_463_325_252

    mutating func next() -> UInt64 {
        self.state ^= self.state &<< 13
        self.state ^= self.state &>> 7
        self.state ^= self.state &<< 17
        return self.state
    }
}

private func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
private func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }

private func nanoseconds() -> UInt64 { Usage.nanoseconds(CLOCK_MONOTONIC) }
