/// What an attempt's end says about the lane it went through.
package enum LaneEffect: Hashable, Sendable {
    /// The provider answered, if only about this grant.
    case answered
    /// The provider answered that the grant is dead: alone it says nothing, in numbers a lot (facts F16).
    case died
    /// The provider could not be reached, or could not answer.
    case trouble
    /// The provider asked everybody to wait (RFC 9110 §10.2.3).
    case closed(for: Duration)
    /// The provider refuses the client: whoever comes next will be refused too (facts F10).
    case rejected
    /// Something that is no token endpoint answered: it will answer whoever comes next as well (facts F11).
    case estranged
    /// Nothing was sent.
    case abandoned
}

/// Who wants an account's refresh.
package enum LaneDemand: Hashable, Sendable {
    /// The schedule.
    case schedule
    /// Somebody who waits for the token.
    case asked
    /// An attempt whose outcome nobody knows: a grace time may be running, so it goes before everything else, and it is
    /// no retry that a budget could hold back (facts, section 3).
    case replay
}

/// Why a lane lets nobody through.
package enum LaneStop: Hashable, Sendable {
    /// The provider asked for it.
    case asked(until: Timestamp)
    /// The provider refuses the client.
    case rejected(until: Timestamp)
    /// What answers is no token endpoint.
    case estranged(until: Timestamp)
    /// So many grants died within ten minutes that a person has to look first.
    case massDeath(deaths: Int)

    /// When it lets somebody through again by itself; nil for never.
    package var until: Timestamp? {
        switch self {
        case .asked(let until), .rejected(let until), .estranged(let until): until
        case .massDeath: nil
        }
    }

    /// One clause for people.
    package var sentence: String {
        switch self {
        case .asked: "the provider asked us to wait"
        case .rejected: "the provider refuses this client"
        case .estranged: "what answers is no token endpoint"
        case .massDeath(let deaths):
            "stopped: \(deaths) grants died within ten minutes, and no more are spent until a person lets it go on"
        }
    }
}
