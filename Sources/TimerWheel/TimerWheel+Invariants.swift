#if DEBUG

extension TimerWheel {
    /// Walks through everything and says which rule is broken first; `nil` if none is.
    ///
    /// For tests: takes time in proportion to all timers there ever were, and is not in release builds.
    package func checkInvariants() -> String? {
        var linked = 0
        for level in 0..<Level.count {
            let occupied = self.levels[Int32(level)].occupied
            if (self.occupiedLevels &>> UInt16(level) & 1 == 1) != (occupied != 0) {
                return "level \(level) is marked wrongly among the levels"
            }
            let present = Level.ordinal(of: self.now, at: level)
            // Only slots that are marked: what is lost in others is missing from the count below.
            var rest = occupied
            while rest != 0 {
                let number = UInt64(rest.trailingZeroBitCount)
                rest &= rest &- 1
                let ordinal = present &+ (number &- present) & 63
                switch self.checkList(of: Place(level: level, ordinal: ordinal), level: level, ordinal: ordinal) {
                case .holds(let length): linked += length
                case .broken(let rule): return rule
                }
            }
        }
        var waiting = 0
        for id in 0..<Int32(self.timers.count) where self.timers[id].isWaiting { waiting += 1 }
        return linked == self.count && waiting == self.count
            ? nil : "\(self.count) counted, \(linked) in lists, \(waiting) marked as waiting"
    }

    private enum ListCheck {
        case holds(length: Int)
        case broken(String)
    }

    private func checkList(of place: Place, level: Int, ordinal: UInt64) -> ListCheck {
        let slot = self.slots[place.number]
        if slot.first < 0 { return .broken("slot \(place) is empty and marked") }
        if slot.earliest < self.now { return .broken("slot \(place) was due at \(slot.earliest), before \(self.now)") }
        var length = 0
        var previous = ~place.number
        var id = slot.first
        while id >= 0 {
            let timer = self.timers[id]
            length += 1
            if length > self.count { return .broken("slot \(place) has a list that goes in a circle") }
            if timer.previous != previous { return .broken("timer \(id) follows \(timer.previous), not \(previous)") }
            if timer.deadline < slot.earliest { return .broken("timer \(id) is due before its slot \(place)") }
            if Level.ordinal(of: timer.deadline, at: level) != ordinal {
                return .broken("timer \(id), due at \(timer.deadline), is not in its slot but in \(place)")
            }
            previous = id
            id = timer.next
        }
        return length <= Int(slot.entered) ? .holds(length: length) : .broken("slot \(place) holds more than went in")
    }
}

#endif
