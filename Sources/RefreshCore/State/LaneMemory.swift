/// What a lane must not forget over a restart (facts V6, I09): moments, counts, and no secret.
///
/// Its bytes hold UTC; `shifted` moves it from the daemon's time line and back.
package struct LaneMemory: Hashable, Sendable {
    package var gate: Timestamp
    /// `LaneMachine.GateReason`, as its number.
    package var gateReason: UInt8
    package var refusals: Int
    package var breakerFailures: Int
    /// Nil while the breaker is closed.
    package var breakerUntil: Timestamp?
    package var isHalted: Bool
    /// When grants died, at most those of the last ten minutes.
    package var deaths: [Timestamp]
    package var budgetWholeAt: Timestamp

    /// More deaths than this are not kept: the lane has stopped long before.
    package static let mostDeaths = 4_096

    private static let version: UInt8 = 1

    /// The memory with every moment moved by `shift`.
    package func shifted(by shift: Duration) -> LaneMemory {
        var moved = self
        // Ends of the range mean "never was", and stay.
        func move(_ moment: Timestamp) -> Timestamp { moment.milliseconds == .min ? moment : moment + shift }
        moved.gate = move(self.gate)
        moved.breakerUntil = self.breakerUntil.map(move)
        moved.deaths = self.deaths.map(move)
        moved.budgetWholeAt = move(self.budgetWholeAt)
        return moved
    }

    /// A version, then every number in eight bytes, the least first; deaths last, after their count.
    package func encoded() -> [UInt8] {
        let deaths = self.deaths.suffix(Self.mostDeaths)
        let numbers: [Int64] =
            [
                self.gate.milliseconds, Int64(self.gateReason), Int64(self.refusals), Int64(self.breakerFailures),
                self.breakerUntil == nil ? 0 : 1, self.breakerUntil?.milliseconds ?? 0, self.isHalted ? 1 : 0,
                self.budgetWholeAt.milliseconds, Int64(deaths.count),
            ] + deaths.map(\.milliseconds)
        var bytes = [Self.version]
        bytes.reserveCapacity(1 + 8 * numbers.count)
        for number in numbers {
            let bits = UInt64(bitPattern: number)
            for place in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * UInt64(place)))) }
        }
        return bytes
    }

    /// Reads what `encoded` wrote.
    ///
    /// - Returns: Nil for anything else, a later version too: a lane without a memory starts with care all the same.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.first == Self.version, (bytes.count - 1).isMultiple(of: 8), bytes.count >= 1 + 9 * 8 else {
            return nil
        }
        let numbers = stride(from: 1, to: bytes.count, by: 8).map { start in
            Int64(bitPattern: (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) })
        }
        guard numbers[8] >= 0, numbers[8] <= Self.mostDeaths, numbers.count == 9 + Int(numbers[8]),
            let reason = UInt8(exactly: numbers[1]), LaneMachine.GateReason(rawValue: reason) != nil,
            (0...1_000_000).contains(numbers[2]), (0...1_000_000).contains(numbers[3]),
            (0...1).contains(numbers[4]), (0...1).contains(numbers[6])
        else { return nil }
        self.init(
            gate: Timestamp(milliseconds: numbers[0]),
            gateReason: reason,
            refusals: Int(numbers[2]),
            breakerFailures: Int(numbers[3]),
            breakerUntil: numbers[4] == 1 ? Timestamp(milliseconds: numbers[5]) : nil,
            isHalted: numbers[6] == 1,
            deaths: numbers.dropFirst(9).map(Timestamp.init(milliseconds:)),
            budgetWholeAt: Timestamp(milliseconds: numbers[7])
        )
    }

    init(
        gate: Timestamp,
        gateReason: UInt8,
        refusals: Int,
        breakerFailures: Int,
        breakerUntil: Timestamp?,
        isHalted: Bool,
        deaths: [Timestamp],
        budgetWholeAt: Timestamp
    ) {
        self.gate = gate
        self.gateReason = gateReason
        self.refusals = refusals
        self.breakerFailures = breakerFailures
        self.breakerUntil = breakerUntil
        self.isHalted = isHalted
        self.deaths = deaths
        self.budgetWholeAt = budgetWholeAt
    }
}
