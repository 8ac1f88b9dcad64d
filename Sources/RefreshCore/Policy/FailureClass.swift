/// What a refusal of the token endpoint means for the account, and for everybody else in its lane.
package enum FailureClass: Hashable, Sendable {
    /// The provider says the grant is over: only a person can bring it back.
    case deadGrant
    /// The same words under a status that speaks of the server's own trouble: unknown first, and dead only if an answer
    /// that is no failure says so a minute later (facts F08).
    case deadByFailure
    /// The provider refuses this client, not this grant: no grant is dead, and the whole lane is affected.
    case clientRejected
    /// Not this time: the server said that it did not act (429, 503, `temporarily_unavailable`), or could not have.
    case transient(Cause)
    /// An answer from which nobody can tell whether the server acted: 500, 502, 504, a success without a token.
    case unknown(Cause)
    /// Something between us and the endpoint, or another program in its place, answered: slow retries, never dead.
    case elsewhere(Cause)
}
