import ArgumentParser

/// A length of time as it is typed: `60s`, `5m`, `2h`, `1d`.
struct TokenLifetime: Hashable, Sendable, ExpressibleByArgument {
    var seconds: Int

    /// Takes a whole number and a unit.
    ///
    /// Up to 100 years, beyond which it is a slip of the finger.
    init?(argument: String) {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = argument.last.flatMap({ units[$0] }) else { return nil }
        let digits = argument.dropLast()
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits) else { return nil }
        let (seconds, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow, seconds <= 3_155_760_000 else { return nil }
        self.seconds = seconds
    }
}
