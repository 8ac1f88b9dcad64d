/// Which of many timers is due next: a hierarchical wheel over integers that knows neither time nor accounts.
///
/// A timer is an id, an index into the caller's own array; a moment is a tick, of whatever length the caller likes. All
/// operations but `nextDeadline` cost the same for ten timers and for ten million. A timer takes 16 bytes.
///
/// ```
/// level 2   |                             a slot: 32 × 32 ticks                            |  …   timers move down
/// level 1   |         32 ticks         |         32 ticks         |            …                  as their time
/// level 0   | one tick | one tick | …                                                             comes nearer
/// ```
///
/// What a wheel costs is not the mean but the pause: when a coarse slot with 200,000 timers begins, a plain wheel moves
/// all of them at once. Here every call of `advance` stops after `limit` moves, and what is left of the limit is spent
/// on slots that have not begun yet (see `Level` for how there is room for them).
///
/// Two rules hold at all times, and correctness needs no others:
/// - A timer is in the slot of its deadline, at a level whose ring reaches there from `now`. Which level only costs time.
/// - No timer is due before `now`, nor before the `earliest` of its slot.
///
/// Not copyable: a copy of a million timers would be a mistake, and a sole owner need not ask before each write whether
/// it is one.
package struct TimerWheel: ~Copyable, Sendable {
    /// The tick up to which all has been fired, or at which an unfinished `advance` stands.
    package private(set) var now: UInt64

    /// How many timers are waiting.
    package private(set) var count = 0

    private(set) var timers: UniqueArray<Timer>
    private(set) var slots: UniqueArray<Slot>
    private(set) var levels: UniqueArray<Level>
    /// Bit `n` is set if and only if level `n` holds a timer.
    private(set) var occupiedLevels: UInt16 = 0

    /// Creates an empty wheel.
    ///
    /// - Parameters:
    ///   - now: The present tick. Later ones come in through `advance`.
    ///   - capacity: Ids below this find their memory ready. Higher ones are welcome too, but then an `insert` now and
    ///     then copies everything, which takes milliseconds at a million timers.
    package init(now: UInt64, capacity: Int = 0) {
        self.now = now
        self.timers = UniqueArray(repeating: Timer(), count: capacity)
        self.levels = UniqueArray(repeating: Level(), count: Level.count)
        self.slots = UniqueArray(repeating: Slot(), count: Place.count)
    }

    /// Sets the timer `id` to a tick, also if it is set to another one already.
    ///
    /// - Parameters:
    ///   - id: Zero or more. Memory is proportional to the highest one, so ids should be dense.
    ///   - tick: Any. One that is not after `now` counts as `now` and fires at the next `advance`.
    package mutating func insert(_ id: Int32, at tick: UInt64) {
        guard self.isKnown(id), !self.timers[id].isWaiting else { return self.insertSlowly(id, at: tick) }
        self.count &+= 1
        self.link(id, due: max(tick, self.now))
    }

    /// `insert` for an id that is unknown or waiting already; apart, so that the usual case saves no registers.
    @inline(never)
    private mutating func insertSlowly(_ id: Int32, at tick: UInt64) {
        precondition(id >= 0, "an id is an index")
        self.timers.extend(to: Int(id) + 1, with: Timer())
        self.remove(id)
        self.count += 1
        self.link(id, due: max(tick, self.now))
    }

    /// Stops the timer `id`.
    ///
    /// - Returns: Whether it was waiting. Any id may be asked for.
    @discardableResult
    package mutating func remove(_ id: Int32) -> Bool {
        guard self.isWaiting(id) else { return false }
        self.unlink(id)
        self.timers[id].previous = Timer.notWaiting
        self.count &-= 1
        return true
    }

    /// When the timer `id` will fire; `nil` if it is not waiting.
    package func deadline(of id: Int32) -> UInt64? {
        self.isWaiting(id) ? self.timers[id].deadline : nil
    }

    /// The tick for which to set the alarm; `nil` when no timer is waiting.
    ///
    /// Never after the earliest deadline. Before it only if the timer that was the earliest of a coarse slot has been
    /// removed: then an `advance` to this tick fires nothing, but puts that slot in order. Moving timers down is no
    /// reason to wake up, so there is about one wake-up for each tick at which something fires. Looks at one slot of each
    /// level.
    package var nextTick: UInt64? {
        self.next()?.tick
    }

    /// The earliest deadline of all; `nil` when no timer is waiting.
    ///
    /// Walks through the first slot of some levels, which may hold a good part of all timers: for explanations and
    /// tests. To know when to wake up, ask `nextTick`.
    package var nextDeadline: UInt64? {
        var found: UInt64?
        for level in 0..<Level.count where self.levels[Int32(level)].occupied != 0 {
            let slot = self.slots[self.firstPlace(at: level).number]
            if let found, found <= slot.earliest { continue }
            var id = slot.first
            while id >= 0, found != slot.earliest {
                found = min(found ?? .max, self.timers[id].deadline)
                id = self.timers[id].next
            }
        }
        return found
    }

    /// Moves on to `tick` and collects what is due at or before it, in the order of deadlines.
    ///
    /// When `true` is returned, let go of whatever lock protects the wheel and call again; the wheel may be changed in
    /// between. Until then `now` stands at the tick that is being worked on. What is inserted for `tick` or before is
    /// collected by the calls that follow.
    ///
    /// - Parameters:
    ///   - tick: The present. One before `now` counts as `now`: a wheel does not turn back.
    ///   - limit: How many timers are touched at most, collected or moved. Each costs about 0.1 µs when a million wait.
    ///   - due: Ids are appended here. They are out of the wheel already and may be inserted again. Those that share
    ///     a deadline come in any order.
    /// - Returns: Whether there may be more to collect.
    package mutating func advance(to tick: UInt64, limit: Int = 256, into due: inout [Int32]) -> Bool {
        precondition(limit > 0, "a limit of nothing never finishes")
        let target = max(tick, self.now)
        var left = limit
        while let next = self.next(), next.tick <= target {
            guard left > 0 else { return true }
            // From event to event, not from slot to slot: a timer alone in a coarse slot fires without moving down.
            self.now = next.tick
            self.empty(next.place, left: &left, into: &due)
        }
        self.now = target
        self.moveAhead(crowd: limit / 4, left: &left, into: &due)
        return false
    }

    private func isWaiting(_ id: Int32) -> Bool {
        self.isKnown(id) && self.timers[id].isWaiting
    }

    private func isKnown(_ id: Int32) -> Bool {
        // A negative id becomes a large one.
        Int(UInt32(bitPattern: id)) < self.timers.count
    }
}

// MARK: - Looking ahead

extension TimerWheel {
    /// The slot that must be worked on first, and the tick at which.
    private func next() -> (tick: UInt64, place: Place)? {
        var rest = self.occupiedLevels
        guard rest != 0 else { return nil }
        // Upwards, and a tie goes to the lower level: what can fire now does not wait for a coarse slot to be emptied.
        var place = self.firstPlace(at: rest.trailingZeroBitCount)
        var tick = self.slots[place.number].earliest
        rest &= rest &- 1
        while rest != 0 {
            let candidate = self.firstPlace(at: rest.trailingZeroBitCount)
            let earliest = self.slots[candidate.number].earliest
            if earliest < tick {
                tick = earliest
                place = candidate
            }
            rest &= rest &- 1
        }
        return (tick, place)
    }

    /// The first occupied slot of a level that is not empty.
    ///
    /// Within one level, slots are in the order of time.
    private func firstPlace(at level: Int) -> Place {
        let ordinal = self.levels[Int32(level)].firstOccupied(from: Level.ordinal(of: self.now, at: level))
        return Place(level: level, ordinal: ordinal)
    }

    /// Spends what is left of a call on slots that would be too much for one call when their time comes.
    ///
    /// Lower levels first, for they are needed sooner. Slots with fewer than `crowd` timers are left alone: most of
    /// those timers will fire from where they are, and need never be moved.
    private mutating func moveAhead(crowd: Int, left: inout Int, into due: inout [Int32]) {
        var rest = self.occupiedLevels & ~1
        while rest != 0, left > 0 {
            let level = rest.trailingZeroBitCount
            let present = Level.ordinal(of: self.now, at: level)
            // The present slot and the one after it are those for which the level below has room.
            for step: UInt64 in 0...1 {
                let place = Place(level: level, ordinal: present &+ step)
                if self.levels[Int32(level)].occupied & place.bit != 0, self.slots[place.number].entered > crowd {
                    self.empty(place, left: &left, into: &due)
                }
            }
            rest &= rest &- 1
        }
    }
}

// MARK: - Lists

extension TimerWheel {
    /// Takes timers from the front of a slot: those due now are collected, the others go to a lower level.
    ///
    /// - Parameters:
    ///   - place: An occupied slot of level 0 for `now`, or the present slot of a higher level or the one after.
    ///   - left: How many more timers may be touched; counted down.
    ///   - due: Where to collect.
    private mutating func empty(_ place: Place, left: inout Int, into due: inout [Int32]) {
        var id = self.slots[place.number].first
        while id >= 0, left > 0 {
            let timer = self.timers[id]
            if timer.deadline == self.now {
                self.timers[id].previous = Timer.notWaiting
                self.count -= 1
                due.append(id)
            } else {
                self.link(id, due: timer.deadline)
            }
            id = timer.next
            left -= 1
        }
        self.setFirst(id, of: place)
    }

    /// Puts a timer that is in no list at the front of its deadline's slot, at the lowest level possible.
    @inline(__always)
    private mutating func link(_ id: Int32, due deadline: UInt64) {
        let level = Level.lowest(for: deadline, from: self.now)
        let place = Place(level: level, ordinal: Level.ordinal(of: deadline, at: level))
        let first = self.slots[place.number].first
        if first >= 0 {
            self.timers[first].previous = id
            self.slots[place.number].entered &+= 1
            self.slots[place.number].earliest = min(self.slots[place.number].earliest, deadline)
        } else {
            self.slots[place.number].entered = 1
            self.slots[place.number].earliest = deadline
            self.levels[Int32(level)].occupied |= place.bit
            self.occupiedLevels |= 1 &<< UInt16(truncatingIfNeeded: level)
        }
        self.slots[place.number].first = id
        self.timers[id] = Timer(next: first, previous: ~place.number, deadline: deadline)
    }

    /// Takes a timer out of its list and leaves its own fields as they are.
    private mutating func unlink(_ id: Int32) {
        let timer = self.timers[id]
        guard timer.previous >= 0 else { return self.setFirst(timer.next, of: Place(number: ~timer.previous)) }
        self.timers[timer.previous].next = timer.next
        if timer.next >= 0 { self.timers[timer.next].previous = timer.previous }
    }

    /// Lets a slot's list begin with `id`, or marks the slot empty if that is negative.
    private mutating func setFirst(_ id: Int32, of place: Place) {
        self.slots[place.number].first = id
        if id >= 0 {
            self.timers[id].previous = ~place.number
            return
        }
        let level = place.level
        self.levels[Int32(level)].occupied &= ~place.bit
        if self.levels[Int32(level)].occupied == 0 { self.occupiedLevels &= ~(1 &<< UInt16(truncatingIfNeeded: level)) }
    }
}

/// A timer as a link of its slot's list: 16 bytes, so that four share a cache line and none lies across two.
struct Timer: BitwiseCopyable, Sendable {
    /// A value of `previous` that is neither an id nor a slot.
    static let notWaiting = Int32.min

    /// The id of the next timer in the list; negative at its end.
    var next: Int32 = -1

    /// The id of the timer before; for the first of a list, the complement of its slot's number, which is negative.
    var previous: Int32 = Timer.notWaiting

    var deadline: UInt64 = 0

    var isWaiting: Bool { self.previous != Timer.notWaiting }
}
