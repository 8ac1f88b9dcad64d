/// Why bytes are no acceptable JSON object.
package enum JSONFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// More bytes, levels, members or digits than any honest answer has.
    case tooLarge
    /// Not UTF-8, so also UTF-16 and Latin-1 (facts F27).
    case encoding
    case syntax
    /// A member twice in one object: decoders differ in which they take, so neither is (facts F22).
    case doubled
    /// Fine JSON, but no object.
    case notAnObject

    /// One clause of our own words.
    package var description: String {
        switch self {
        case .tooLarge: "the answer is larger than any token answer"
        case .encoding: "the answer is not UTF-8"
        case .syntax: "the answer is not JSON"
        case .doubled: "the answer has a member twice"
        case .notAnObject: "the answer is not an object"
        }
    }
}
