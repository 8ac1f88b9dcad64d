/// Why there is no key: one case, and one sentence, for each thing a person does about it (facts C02).
package struct KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Problem: Hashable, Sendable {
        case absent
        /// The system's own words.
        case unreadable(String)
        case notAFile
        case empty
        case short(Int)
        case long(Int)
        /// A key is already there, and is never replaced: what it sealed would be lost with it.
        case exists
        case unwritable(String)
    }

    package var problem: Problem
    /// Nil when the bytes came from elsewhere.
    package var path: String?

    package init(_ problem: Problem, path: String? = nil) {
        self.problem = problem
        self.path = path
    }

    package var description: String {
        let key = self.path.map { "the key file \($0)" } ?? "the key"
        let form = "a key is 32 bytes, or 64 hexadecimal digits, or 44 characters of base64"
        return switch self.problem {
        case .absent: "\(key) does not exist: restore it, for without it the store cannot be read"
        case .unreadable(let why): "\(key) cannot be read (\(why)): let the user of the service read it"
        case .notAFile: "\(key) is no regular file: name the file that holds the key"
        case .empty: "\(key) is empty: restore it from a backup"
        case .short(let count): "\(key) is too short, with \(count) bytes: \(form)"
        case .long(let count): "\(key) is too long, with \(count) bytes: \(form)"
        case .exists: "\(key) exists already: a new key is not written over it"
        case .unwritable(let why): "\(key) cannot be made (\(why)): let the user of the service write to its folder"
        }
    }
}
