/// One spending of a grant.
package struct Attempt: Hashable, Sendable {
    package var account: AccountID
    /// The generation whose grant is spent; the answer is generation + 1.
    package var generation: Generation
    /// Which try in a row this is, from 1.
    package var number: Int
    package var startedAt: Timestamp

    package init(account: AccountID, generation: Generation, number: Int, startedAt: Timestamp) {
        self.account = account
        self.generation = generation
        self.number = number
        self.startedAt = startedAt
    }
}
