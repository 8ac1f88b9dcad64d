import ArgumentParser
import ControlAPI

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Print an account's access token, refreshed first if need be.",
        discussion: "Nothing else goes to standard output: curl -H \"$(refreshctl token --header ACCOUNT)\" …"
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName

    @Option(help: ArgumentHelp("How long the token must live yet: 60s, 5m, 1h.", valueName: "time"))
    var minValid: TokenLifetime?

    @Flag(help: "Print the whole header line: Authorization: Bearer …")
    var header = false

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            let call = Call.GetToken(account: self.account.text, minValid: self.minValid?.seconds)
            let answer = try await daemon.call(call)
            let reply = try answer.decode(TokenReply.self)
            if let warning = reply.warning {
                Terminal.standardError.write("refreshctl: warning: \(warning.escaped)\n")
            }
            if self.options.json {
                try Terminal.standardOutput.print(answer.json("token"))
            } else {
                try Terminal.standardOutput.print(Self.line(reply.token, asHeader: self.header))
            }
        }
    }

    /// - Throws: `Failure` for a token with characters that no token has (RFC 6750 §2.1): printed, it would be another
    ///   header line or a command to the terminal.
    static func line(_ token: Wire.Token, asHeader: Bool) throws(Failure) -> String {
        guard !token.accessToken.isEmpty, token.accessToken.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Failure(.failed, "the token holds characters that cannot be printed; --json shows it escaped")
        }
        guard asHeader else { return token.accessToken }
        // Providers write the type in any case; some services take it in one only (RFC 6750 §2.1).
        let type = token.tokenType.lowercased() == "bearer" ? "Bearer" : token.tokenType.escaped
        return "Authorization: \(type) \(token.accessToken)"
    }
}
