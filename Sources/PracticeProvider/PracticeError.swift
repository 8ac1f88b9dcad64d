/// Why the judge's side could not do what it was asked.
///
/// Nothing a client of the token endpoint ever sees.
package enum PracticeError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownClient(String)
    case unknownAccount(String)
    case accountExists(String)
    /// The text says what is wrong with the order.
    case badOrder(String)
    /// The server ended before it had a port, or its port is taken.
    case notStarted(String)

    package var description: String {
        switch self {
        case .unknownClient(let id): "no client “\(id)”"
        case .unknownAccount(let account): "no account “\(account)”"
        case .accountExists(let account): "account “\(account)” exists already"
        case .badOrder(let why): why
        case .notStarted(let why): "the server did not start: \(why)"
        }
    }
}
