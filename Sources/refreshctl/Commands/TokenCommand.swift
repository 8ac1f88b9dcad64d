import ArgumentParser
import ControlAPI

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Print an account's access token, refreshed first if need be.",
        discussion: """
            Nothing else goes to standard output: curl -H "$(refreshctl token --header ACCOUNT)" …

            With --env the token goes into the environment of a command, which takes this one's place: \
            refreshctl token --env TOKEN ACCOUNT -- COMMAND …. The command keeps that token for as long as it runs, \
            and whoever may look into its process sees it.
            """
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName

    @Option(help: ArgumentHelp("How long the token must live yet: 60s, 5m, 1h.", valueName: "time"))
    var minValid: TokenLifetime?

    @Flag(help: "Print the whole header line: Authorization: Bearer …")
    var header = false

    @Flag(help: "Print a parameter for a form or a query: access_token=…, percent-encoded.")
    var query = false

    @Option(help: ArgumentHelp("Print what a mail server takes for this user by XOAUTH2.", valueName: "user"))
    var xoauth2: String?

    @Option(
        name: .customLong("env"),
        help: ArgumentHelp("Run COMMAND with the token in this variable instead of printing it.", valueName: "name"),
        transform: Self.variable
    )
    var variable: EnvironmentName?

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("With --env: the command and its arguments.", valueName: "command")
    )
    var command: [String] = []

    func validate() throws {
        let forms = [
            ("--header", self.header), ("--query", self.query), ("--xoauth2", self.xoauth2 != nil),
            ("--env", self.variable != nil),
        ].filter(\.1).map(\.0)
        guard forms.count <= 1 else {
            throw ValidationError("Only one of these at a time: \(forms.joined(separator: ", ")).")
        }
        guard (self.variable == nil) == self.command.isEmpty else {
            throw ValidationError(
                self.command.isEmpty
                    ? "--env needs a command behind --." : "A command behind -- needs --env and a variable's name."
            )
        }
        if let user = self.xoauth2 {
            guard !user.isEmpty, user.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw ValidationError("--xoauth2 takes a user's name without control characters.")
            }
        }
    }

    func run() async throws {
        let form = self.form
        if self.options.json, form != .bare || self.variable != nil {
            throw ValidationError("--json prints the token's object; it goes with no other form.")
        }
        let text = try await Daemon.with(self.options) { daemon in
            let call = Call.GetToken(account: self.account.text, minValid: self.minValid?.seconds)
            let answer = try await daemon.call(call)
            let reply = try answer.decode(TokenReply.self)
            if let warning = reply.warning {
                Terminal.standardError.write("refreshctl: warning: \(warning.escaped)\n")
            }
            return self.options.json ? try answer.json("token") : try form.text(of: reply.token)
        }
        guard let variable = self.variable else { return try Terminal.standardOutput.print(text) }
        // With the connection closed: the command has no part in it.
        throw Execution(words: self.command, variable: variable).run(value: text)
    }

    private var form: TokenForm {
        if self.header { return .header }
        if self.query { return .query }
        return self.xoauth2.map { .xoauth2(user: $0) } ?? .bare
    }

    private static func variable(_ text: String) throws -> EnvironmentName {
        guard let name = EnvironmentName(text) else {
            throw ValidationError("A variable's name has letters, digits and _, and begins with no digit.")
        }
        return name
    }
}
