/// Why the store could not do what it was asked, one case for each thing a caller can do about it.
///
/// Conflicts are no errors: a batch tells them one by one, as outcomes.
package enum StoreError: Error, Hashable, Sendable {
    /// The account does not exist, or not any more: drop the work.
    case notFound(AccountID)
    /// The database is busy, full or out of reach: keep the value, try again later. A write may have happened.
    case unavailable(detail: String)
    /// The stored bytes cannot be read back: retrying will not help, a person must look.
    case corrupt(AccountID?, detail: String)

    /// A fixed word for each case, for metric labels: no account, no database text.
    package var label: String {
        switch self {
        case .notFound: "not_found"
        case .unavailable: "unavailable"
        case .corrupt: "corrupt"
        }
    }
}
