/// The checked name of one OAuth client registration, the first half of every account name of it.
///
/// `[a-z0-9][a-z0-9_-]*`, at most 64 bytes: it names a configuration table, a journal field and a metric label.
package struct ClientID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let name: String

    /// Checks the name.
    ///
    /// - Throws: `NameError.client` when it does not have the form above.
    package init(_ name: String) throws(NameError) {
        guard (1...64).contains(name.utf8.count), name.utf8.first.map(Self.isAlphanumeric) == true,
            name.utf8.allSatisfy({ Self.isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") })
        else { throw .client }
        self.name = name
    }

    package var description: String { self.name }

    package static func < (left: ClientID, right: ClientID) -> Bool { left.name < right.name }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

/// The checked name of an account, `client/subject`, and its fixed 64-bit fingerprint.
///
/// 3 to 255 bytes of UTF-8 without control characters. The fingerprint is computed once and is the same in every
/// process and on every machine: it chooses the stripe of the table and the account's place in the spread.
package struct AccountID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let name: String
    package let fingerprint: UInt64

    /// Checks the name.
    ///
    /// - Throws: `NameError` with what is wrong.
    package init(_ name: String) throws(NameError) {
        guard (3...255).contains(name.utf8.count) else { throw .length }
        // C0, DEL and C1: none of them can be printed, and each can change what a terminal shows.
        guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
            throw .controlCharacter
        }
        guard let slash = name.utf8.firstIndex(of: UInt8(ascii: "/")) else { throw .noSubject }
        _ = try ClientID(String(name[..<slash]))
        guard name.utf8.index(after: slash) < name.utf8.endIndex else { throw .noSubject }
        self.name = name
        self.fingerprint = Self.fingerprint(of: name.utf8.span)
    }

    /// The part before the first slash.
    package var client: Substring {
        // By bytes: a combining mark after the slash would make one character of both.
        self.name[..<(self.name.utf8.firstIndex(of: UInt8(ascii: "/")) ?? self.name.endIndex)]
    }

    /// The account's fixed place in any spread, in `0..<1`.
    package var phase: Double { Self.phase(self.fingerprint) }

    /// The same for any other name.
    package static func phase(of name: String) -> Double { Self.phase(Self.fingerprint(of: name.utf8.span)) }

    private static func phase(_ fingerprint: UInt64) -> Double { Double(fingerprint >> 11) * 0x1p-53 }

    package var description: String { self.name }

    package func hash(into hasher: inout Hasher) { hasher.combine(self.fingerprint) }

    package static func == (left: AccountID, right: AccountID) -> Bool {
        left.fingerprint == right.fingerprint && left.name == right.name
    }

    package static func < (left: AccountID, right: AccountID) -> Bool { left.name < right.name }

    /// The fingerprint of a name's bytes: FNV-1a, then a finalizer that spreads it over all 64 bits.
    ///
    /// Not keyed, so whoever may add accounts could make two names meet. Everything that looks a name up by its
    /// fingerprint compares the name too.
    ///
    /// Not generic: called from another module, a generic one would ask for each byte through a witness table.
    package static func fingerprint(of bytes: Span<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in bytes.indices { hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3 }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        return hash ^ (hash >> 31)
    }
}

/// Why a name is none.
package enum NameError: Error, Hashable, Sendable, CustomStringConvertible {
    case length
    case controlCharacter
    case noSubject
    case client

    package var description: String {
        switch self {
        case .length: "an account name has 3 to 255 bytes"
        case .controlCharacter: "an account name has no control characters"
        case .noSubject: "an account name is CLIENT/SUBJECT, for example gdrive/alice@example.com"
        case .client:
            "a client name is made of a-z, 0-9, _ and -, begins with a letter or digit, and has at most 64 bytes"
        }
    }
}
