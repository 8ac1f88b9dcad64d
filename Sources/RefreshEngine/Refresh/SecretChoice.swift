import Logging
import OAuth
import RefreshCore
import Synchronization

/// Which of a client's secrets is presented, where the provider may have been given a new one (facts C07).
///
/// Each is tried once, in the order of the configuration. When all have been refused it is the lane that waits, and what
/// is tried after the wait is the next one, round again: one request for each wait, as for a client with one secret.
struct SecretChoice: Hashable, Sendable {
    /// The one in use, counted from 0 and on.
    private(set) var number = 0
    /// How many may still be tried before the client counts as refused.
    private var untried: Int

    /// - Parameter count: How many secrets there are, 1 or more.
    init(count: Int) { self.untried = count - 1 }

    /// The provider refused the client.
    ///
    /// - Parameter number: The secret that it was shown.
    /// - Returns: Whether another one is worth a try at once.
    mutating func refused(_ number: Int) -> Bool {
        // Sent before another one was chosen: it says nothing of that one.
        guard number == self.number else { return true }
        self.number += 1
        guard self.untried > 0 else { return false }
        self.untried -= 1
        return true
    }

    /// The provider knows the client by this secret.
    mutating func accepted(_ number: Int, of count: Int) {
        guard number == self.number else { return }
        self.untried = count - 1
    }
}

extension EngineState {
    /// The settings of a ticket's client, with the secret that the ticket names; nil when there is no such client.
    func client(of ticket: Ticket) -> ClientSettings? {
        guard var client = self.settings.clients[ticket.client] else { return nil }
        client.client = client.client.presenting(ticket.secret)
        return client
    }

    /// The provider refused the client that a ticket's request came from.
    ///
    /// - Returns: Whether its next request will present another secret that is worth a try at once.
    mutating func refusedSecret(of ticket: Ticket) -> Bool {
        guard let others = self.settings.clients[ticket.client]?.client.otherSecrets, !others.isEmpty else {
            return false
        }
        var choice = self.secrets[ticket.client] ?? SecretChoice(count: others.count + 1)
        let before = choice.number
        let isWorthATry = choice.refused(ticket.secret)
        self.secrets[ticket.client] = choice
        if isWorthATry, choice.number != before { self.lanes[ticket.lane]?.isInQuestion() }
        return isWorthATry
    }

    mutating func acceptedSecret(of ticket: Ticket) {
        guard let others = self.settings.clients[ticket.client]?.client.otherSecrets, !others.isEmpty else { return }
        self.secrets[ticket.client]?.accepted(ticket.secret, of: others.count + 1)
    }
}

extension Engine {
    /// Turns to the next secret of a client that was refused.
    ///
    /// - Returns: Whether there is one: then the refusal says nothing of the client yet, nor of any grant.
    func turnsToNextSecret(after ticket: EngineState.Ticket) -> Bool {
        let (before, isWorthATry, after) = self.state.withLock { state in
            let before = state.secrets[ticket.client]?.number
            return (before ?? 0, state.refusedSecret(of: ticket), state.secrets[ticket.client]?.number ?? 0)
        }
        if isWorthATry, before != after {
            self.logger.event(
                .clientRejected,
                .warning,
                "the provider refuses this client with the secret in use; the next one of client_secrets is tried",
                [LogKeys.client: "\(ticket.client)"]
            )
        }
        return isWorthATry
    }
}
