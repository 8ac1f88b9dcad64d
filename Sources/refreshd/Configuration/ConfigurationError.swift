/// One thing that is wrong with the configuration: where it is, what it is, and what to do.
///
/// Holds keys, never values: a secret in the wrong place must not be repeated by the message that complains about it.
struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    var place: ConfigurationPlace
    /// One clause without a full stop.
    var message: String
    /// What to do, as one clause.
    var remedy: String

    var file: String { self.place.file }
    /// From 1; nil when the file as a whole is meant.
    var line: Int? { self.place.line }
    /// Empty when the file as a whole is meant.
    var keyPath: String { self.place.keyPath }

    var description: String { "\(self.place): \(self.message); \(self.remedy)" }
}

/// Everything that is wrong, found at once, in the order of files and lines.
struct ConfigurationErrors: Error, Hashable, Sendable, CustomStringConvertible {
    let errors: [ConfigurationError]

    init(_ errors: [ConfigurationError]) {
        self.errors = Set(errors).sorted { left, right in
            (left.file, left.line ?? 0, left.keyPath, left.message)
                < (right.file, right.line ?? 0, right.keyPath, right.message)
        }
    }

    /// One line for each.
    var description: String { self.errors.map(\.description).joined(separator: "\n") }
}

/// A place in the configuration: `/etc/refreshd/refreshd.toml:12: clients.box.client_id`.
struct ConfigurationPlace: Hashable, Sendable, CustomStringConvertible {
    var file: String
    /// From 1; nil when the file as a whole is meant.
    var line: Int?
    /// Names joined by dots, with the place in a list in brackets, from 0: `access[0].users`.
    var keyPath: String

    init(file: String, line: Int? = nil, keyPath: String = "") {
        self.file = file
        self.line = line
        self.keyPath = keyPath
    }

    var description: String {
        let place = self.line.map { "\(self.file):\($0)" } ?? self.file
        return self.keyPath.isEmpty ? place : "\(place): \(self.keyPath)"
    }

    /// The place of a key below this one, on the same line.
    func appending(_ key: String) -> ConfigurationPlace {
        ConfigurationPlace(file: self.file, line: self.line, keyPath: Self.join(self.keyPath, key))
    }

    /// A path and one more key; the key is quoted where TOML would want it.
    ///
    /// Control characters come out escaped, so that an error stays on its line.
    static func join(_ path: String, _ key: String) -> String {
        let isBare =
            !key.isEmpty
            && key.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        let word = isBare ? key : "\"" + key.unicodeScalars.map { $0.escaped(asASCII: false) }.joined() + "\""
        return path.isEmpty ? word : "\(path).\(word)"
    }
}
