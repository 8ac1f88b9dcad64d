import ArgumentParser
import ControlAPI

struct AuthorizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "authorize",
        abstract: "Have a person grant access, and add the account or give it the new grant.",
        discussion: """
            Without an option an address is printed, and a browser on this machine comes back to \
            http://127.0.0.1:PORT/callback. --paste is for a browser elsewhere: what it shows in the end, a code or an \
            address, is entered here. --device is for providers where a short code is typed in on another device.
            """
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName

    @Flag(help: "Print a short code that is entered on another device, and wait.")
    var device = false

    @Flag(help: "Print the address, and read the code or the address that the browser ends at.")
    var paste = false

    @Option(help: "A scope to ask for, instead of the configured ones; may be repeated.")
    var scope: [String] = []

    @Option(
        help: ArgumentHelp(
            "With --paste: the redirect URI that is registered; left out, the provider shows a code.",
            valueName: "uri"
        )
    )
    var redirectURI: String?

    @Option(help: "The port of 127.0.0.1 the browser comes back to, where one is registered; any if left out.")
    var port: UInt16?

    func validate() throws {
        guard !(self.device && self.paste) else { throw ValidationError("--device and --paste exclude each other.") }
        guard !self.device || self.scope.isEmpty else {
            throw ValidationError("--scope cannot go with --device, which asks for the configured scopes.")
        }
        guard self.redirectURI == nil || self.paste else { throw ValidationError("--redirect-uri needs --paste.") }
        guard self.port == nil || !(self.device || self.paste) else {
            throw ValidationError("--port cannot go with --device or --paste.")
        }
    }

    func run() async throws {
        let way: Authorizer.Way =
            if self.device {
                .device
            } else if self.paste {
                .paste(redirectURI: self.redirectURI)
            } else {
                .loopback(port: Int(self.port ?? 0))
            }
        let authorizer = Authorizer(
            socket: self.options.socket,
            account: self.account,
            scopes: self.scope.isEmpty ? nil : self.scope
        )
        // Ctrl-C, and a terminal that is closed, end it like any other failure: with the terminal as it was.
        let answer = try await Interruption.endsEarly { try await authorizer.account(by: way) }
        try self.options.show(answer)
    }
}
