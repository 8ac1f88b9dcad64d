import ArgumentParser
import FoundationEssentials
import Logging
import PracticeProvider
import ServiceLifecycle
import UnixSignals

/// Runs the server until it is told to stop.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve until SIGTERM or SIGINT.",
        discussion: """
            Prints one line, “listening on URL”, when it answers.

            CLASS says what a redeem does to the refresh token: N it stays, M old ones stay good too, G the old one \
            stays good for a grace time, C the old one dies when the new access token is first used, S it is dead at \
            once. Habits are added with +: family, clientUser (what a second redeem revokes), killsAT (a refresh \
            kills the access token before), grace=SECONDS, pairs (a replay in grace brings one more pair, not the \
            same again), noscope, absent, zero, text (how expires_in is told). Example: S+family+killsAT
            """
    )

    @Option(help: "The port; a free one when left out.")
    var port: Int = 0

    @Option(help: "Where ca.pem and ca.key are kept, so that trust outlives a restart. Made when absent.")
    var directory: String?

    @Flag(help: "Speak http without TLS.")
    var plainHTTP = false

    @Option(help: "The beginning of every token.")
    var canary = "canary-"

    @Option(
        name: .customLong("client"),
        help: ArgumentHelp(
            "An OAuth client. SECRET may be @FILE; METHOD is basic, post or none.",
            valueName: "id[:secret[:method]]"
        )
    )
    var clients: [ClientArgument] = []

    @Option(
        help: ArgumentHelp(
            "Grants, named PREFIX1, PREFIX2 and so on. LIFETIME in seconds.",
            valueName: "client:count:class:lifetime[:prefix]"
        )
    )
    var grants: [GrantsArgument] = []

    @Option(
        name: .customLong("account"),
        help: ArgumentHelp("One grant with a name of its own.", valueName: "client/subject:class:lifetime")
    )
    var accounts: [AccountArgument] = []

    @Option(help: "Where the grants are written, as lines for “refreshctl import” (mode 0600).")
    var importFile: String?

    @Flag(help: "Let set_keys take access tokens that were not issued here.")
    var acceptUnknown = false

    func validate() throws {
        guard (0...65_535).contains(self.port) else { throw ValidationError("--port is 0 to 65535") }
        guard self.importFile == nil || !(self.grants.isEmpty && self.accounts.isEmpty) else {
            throw ValidationError("--import-file needs --grants or --account")
        }
    }

    func run() async throws {
        let server = try await PracticeServer.start(
            PracticeServer.Options(
                port: self.port,
                plainHTTP: self.plainHTTP,
                canary: self.canary,
                acceptsUnknownAccessTokens: self.acceptUnknown,
                authority: try self.authority()
            )
        )
        do {
            try self.fill(server)
        } catch {
            await server.stop()
            throw error
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: Announced(server: server), successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: PracticeServer.Options.quiet
            )
        )
        try await group.run()
    }

    private func authority() throws -> PracticeAuthority? {
        guard !self.plainHTTP, let directory = self.directory else { return nil }
        return try AuthorityDirectory(path: directory).authority()
    }

    private func fill(_ server: PracticeServer) throws {
        for client in self.clients { server.addClient(try client.client()) }
        var lines: [String] = []
        for grants in self.grants { lines += try server.addGrants(grants.order).map(\.importLine) }
        for account in self.accounts {
            lines.append(try server.addGrant(account.account, account.terms).importLine)
        }
        guard let importFile = self.importFile else { return }
        try PlainFile(path: importFile).write(lines.map { $0 + "\n" }.joined(), mode: 0o600)
    }
}

/// The server, announced once the signals are caught: who reads the line may stop it at once.
private struct Announced: Service {
    let server: PracticeServer

    func run() async throws {
        try PlainFile.standardOutput("listening on \(self.server.url)\n")
        try await self.server.run()
    }
}
