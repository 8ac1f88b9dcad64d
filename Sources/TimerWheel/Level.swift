/// One ring of 64 slots, of which a slot of level `n` is 32^n ticks long.
///
/// ```
/// level n + 1  |     the slot of now      |      the slot after      |       …
/// level n      | 0  1 … now … 29  30  31  | 32  33  34 … 61  62  63  |       64 slots from now's on, as a ring
/// ```
///
/// A step of 32 with 64 slots, where a plain wheel has 64 and 64: so a ring always reaches to the end of the slot
/// *after* the present one of the level above. The timers of that slot can move down at any time before it begins, a
/// few at once; a plain wheel has room for them only at the moment at which it begins, and must move all of them then.
struct Level: BitwiseCopyable, Sendable {
    /// How many levels hold every `UInt64`: 13 times 5 bits are 65.
    ///
    /// So there is no horizon, and no deadline is too late.
    static let count = 13

    static let slotCount = 64

    /// Bit `n` is set if and only if slot `n` holds a timer.
    var occupied: UInt64 = 0

    /// The slot in which `tick` lies, counted from tick 0 and not yet wrapped around the ring.
    static func ordinal(of tick: UInt64, at level: Int) -> UInt64 {
        tick &>> UInt64(truncatingIfNeeded: level &* 5)
    }

    /// The lowest level whose ring reaches from `now` to `deadline`.
    ///
    /// - Parameters:
    ///   - deadline: Not before `now`.
    ///   - now: Where the rings begin.
    /// - Returns: A level in `0..<Level.count`.
    static func lowest(for deadline: UInt64, from now: UInt64) -> Int {
        // The lowest level at which the distance is less than 64 whole slots: 6 bits, and 5 more for each level.
        // `| 3` puts the distances of 0 and 1 where those of 2 and 3 are anyway.
        let level = (62 &- ((deadline &- now) | 3).leadingZeroBitCount) / 5
        // Less than 64 whole slots away can still be the 64th slot after this one, which has this one's place.
        let distance = Self.ordinal(of: deadline, at: level) &- Self.ordinal(of: now, at: level)
        return distance < 64 ? level : level + 1
    }

    /// The first occupied slot, going round from the slot with `ordinal`; the level must not be empty.
    func firstOccupied(from ordinal: UInt64) -> UInt64 {
        let rotated = (self.occupied &>> ordinal) | (self.occupied &<< (0 &- ordinal))
        return ordinal &+ UInt64(truncatingIfNeeded: rotated.trailingZeroBitCount)
    }
}

/// A slot among those of all levels, as one number: the list it heads is kept under it.
struct Place: Hashable, Sendable {
    static let count = Level.count * Level.slotCount

    var number: Int32

    init(number: Int32) {
        self.number = number
    }

    /// The slot with an ordinal as of `Level.ordinal(of:at:)`, wrapped around its ring.
    init(level: Int, ordinal: UInt64) {
        self.number = Int32(truncatingIfNeeded: level) &<< 6 | Int32(truncatingIfNeeded: ordinal & 63)
    }

    var level: Int { Int(self.number &>> 6) }

    /// The bit of the slot in `Level.occupied`.
    var bit: UInt64 { 1 &<< UInt64(truncatingIfNeeded: self.number) }
}

/// The head of a slot's list, and what is known of the list without walking it.
struct Slot: BitwiseCopyable, Sendable {
    /// The id of the first timer; negative if there is none, and then the other two fields mean nothing.
    var first: Int32 = -1

    /// How many timers came in since the slot was last empty, so that no more than these are in it.
    ///
    /// Removed ones still count: a timer within a list does not know its slot. If a slot that is never empty takes in
    /// four thousand million, the number begins anew, and at worst less is moved ahead of need.
    var entered: UInt32 = 0

    /// No timer of the slot is due before this tick, and one was due at it when it came in.
    var earliest: UInt64 = 0
}
