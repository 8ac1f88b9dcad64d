/// What can be broken on purpose, to show that somebody would notice.
enum Flaw: String, CaseIterable, Sendable {
    /// The store says that it has committed, and keeps what it had.
    case storeForgets
    /// The store says that it has committed before it has.
    case storeAnswersEarly
    /// What was under way is not there any more at the next start.
    case journalForgets
    /// The clock stands still while the host sleeps, as the monotonic one does.
    case clockStopsInSuspend
    /// The configured rate of a lane is not the one that counts.
    case rateIsIgnored
    /// A sink says that it has taken a token, and has not.
    case sinkForgets
    /// Somebody logs a token.
    case logHoldsToken
    /// The profile takes a provider whose refresh tokens are spent by use for a harmless one.
    case profileIsWrong

    /// What is noticed first, in one seed or another.
    var invariant: String {
        switch self {
        case .storeForgets: "V4"
        case .storeAnswersEarly: "V2"
        case .journalForgets: "V1"
        case .clockStopsInSuspend: "V5"
        case .rateIsIgnored: "V6"
        case .sinkForgets: "V7"
        case .logHoldsToken: "V8"
        case .profileIsWrong: "V9"
        }
    }
}
