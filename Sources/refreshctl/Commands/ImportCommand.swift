import ArgumentParser
import ControlAPI
import Glibc
import Varlink

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Add many accounts from a file of JSON lines, or those of another program.",
        discussion: """
            A line is {"account": "CLIENT/SUBJECT", "token": {…}, "issued_at": SECONDS}: token is the token endpoint's \
            answer as received, issued_at when that was (left out: now). A line is taken as a whole or refused; a \
            refused line is reported as FILE:LINE: ACCOUNT: REASON and the others go on. A token may lack its \
            access_token where it has a refresh_token, which is then spent at once.

            With --from: google (a user's credentials as gcloud or Google's libraries keep them), rclone (its \
            configuration), oidc-agent (what oidc-gen --print writes), csv (columns account, access_token, \
            refresh_token, token_type, scope, issued_at, expires_at, expires_in, named in the first line).

            From then on the refresh token is refreshd's: a program that goes on using it ends the authorization.
            """
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The file; - for standard input.", completion: .file())
    var file: String

    @Option(help: ArgumentHelp("Whose file it is: \(Self.formats).", valueName: "format"))
    var from: ImportFormat = .lines

    @Option(
        help: "The account of a file that holds one: CLIENT/SUBJECT.",
        transform: AccountName.init(checking:)
    )
    var account: AccountName?

    @Option(help: "The client of the accounts; the file's names for them are the subjects.")
    var client: String?

    @Option(help: ArgumentHelp("Only this section of an rclone configuration; may be repeated.", valueName: "name"))
    var section: [String] = []

    private static var formats: String { ImportFormat.allCases.map(\.rawValue).joined(separator: ", ") }

    func validate() throws {
        if self.account != nil, self.client != nil {
            throw ValidationError("--account and --client cannot go together.")
        }
        if !self.section.isEmpty, self.from != .rclone { throw ValidationError("--section needs --from rclone.") }
        switch self.from {
        case .lines:
            if self.naming != .asWritten { throw ValidationError("The lines name their accounts themselves.") }
        case .google:
            if self.account == nil { throw ValidationError("--from google needs --account CLIENT/SUBJECT.") }
        case .rclone, .oidcAgent:
            if self.naming == .asWritten {
                throw ValidationError(
                    "--from \(self.from.rawValue) needs --account CLIENT/SUBJECT, or --client CLIENT."
                )
            }
        case .csv:
            if self.account != nil { throw ValidationError("--from csv takes --client, or whole names in its column.") }
        case .pizauth: break
        }
    }

    private var naming: AccountNaming {
        self.account.map { .one($0) } ?? self.client.map { .client($0) } ?? .asWritten
    }

    func run() async throws {
        guard self.from != .pizauth else {
            throw Failure(
                .failed,
                "pizauth's dump is for pizauth alone, and it has no command that prints a refresh token: authorize the account again"
            )
        }
        let input = try InputFile(self.file)
        // Before anything is sent: a file that is none of its format changes nothing.
        let foreign = try self.wholeFile(input)
        let socket = self.options.socket
        let count = try await self.connected { clients in
            let progress = Progress(input)
            var importer = Importer(
                name: self.inputName,
                clients: clients,
                socket: socket,
                report: { progress.interrupt(with: $0) },
                imported: { answer in
                    if self.options.json { try Terminal.standardOutput.print(answer.json("account")) }
                }
            )
            defer { progress.clear() }
            switch self.from {
            case .lines: try await self.lines(of: input, to: &importer, progress)
            case .csv: try await self.table(of: input, to: &importer, progress)
            case .google, .rclone, .oidcAgent, .pizauth:
                for account in foreign {
                    if let note = account.note {
                        progress.interrupt(with: "\(self.inputName):\(account.line): \(note)")
                    }
                    try await importer.add(account.content, number: account.line)
                }
            }
            try await importer.finish()
            return importer.count
        }
        let refused = count.refused == 0 ? "" : ", refused \(count.refused)"
        Terminal.standardError.write("refreshctl: imported \(count.imported)\(refused)\n")
        // Each refused line has been reported already.
        if count.refused > 0 { throw Failure(.failed, nil) }
    }

    private var inputName: String { self.file == "-" ? "standard input" : self.file.escaped }

    private func lines(of input: InputFile, to importer: inout Importer, _ progress: Progress) async throws {
        var number = 0
        while let line = try input.nextLine(limit: ImportLine.maximumLength) {
            number += 1
            try await importer.add(line, number: number)
            progress.update(lines: number)
        }
    }

    private func table(of input: InputFile, to importer: inout Importer, _ progress: Progress) async throws {
        var table = TokenTable(self.naming)
        var number = 0
        while let line = try input.nextLine(limit: ImportLine.maximumLength) {
            number += 1
            do {
                if let account = try table.read(line, number: number, now: Int64(time(nil))) {
                    try await importer.add(account.content, number: account.line)
                }
            } catch let fault as ImportLine.Fault {
                throw Failure(.failed, "\(self.inputName): \(fault.reason)")
            }
            progress.update(lines: number)
        }
        if let account = table.end() { try await importer.add(account.content, number: account.line) }
    }

    /// The accounts of a format that is read as a whole.
    private func wholeFile(_ input: InputFile) throws(Failure) -> [ForeignAccount] {
        // A configuration or one account: far below this.
        let limit = 16 * 1_024 * 1_024
        let now = Int64(time(nil))
        do {
            switch self.from {
            case .lines, .csv, .pizauth: return []
            case .google: return [try GoogleCredentials.account(in: input.readAll(limit: limit), self.naming, now: now)]
            case .oidcAgent:
                return [try OidcAgentAccount.account(in: input.readAll(limit: limit), self.naming, now: now)]
            case .rclone:
                let bytes = try input.readAll(limit: limit)
                return try RcloneConfiguration.accounts(in: bytes, self.naming, only: self.section, now: now)
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            let fault = error as? ImportLine.Fault
            let account = fault?.account.map { "\($0.text.escaped): " } ?? ""
            throw Failure(.failed, "\(self.inputName): \(account)\(fault?.reason ?? "it cannot be read")")
        }
    }

    private func connected<Result: Sendable>(
        _ body: ([VarlinkClient]) async throws -> Result
    ) async throws -> Result {
        do {
            return try await VarlinkClient.withConnections(Importer.connections, to: self.options.socket, body)
        } catch let error as VarlinkClientError {
            throw Failure(error, socket: self.options.socket)
        }
    }

    /// The progress bar on standard error, if that is a terminal; and the reports, which must not run into it.
    private final class Progress {
        private let input: InputFile
        private var bar: ProgressBar?

        init(_ input: InputFile) {
            self.input = input
            let terminal = Terminal.standardError
            self.bar = terminal.isTerminal ? ProgressBar(total: input.size, width: terminal.width ?? 80) : nil
        }

        func update(lines: Int) {
            guard lines.isMultiple(of: 100) else { return }
            if let text = self.bar?.update(done: self.input.position, lines: lines) {
                Terminal.standardError.write(text)
            }
        }

        func interrupt(with line: String) {
            Terminal.standardError.write((self.bar?.clear() ?? "") + line + "\n")
        }

        func clear() {
            Terminal.standardError.write(self.bar?.clear() ?? "")
        }
    }
}
