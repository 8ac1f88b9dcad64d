import ArgumentParser
import ControlAPI

import Varlink

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Add many accounts from a file of JSON lines.",
        discussion: """
            A line is {"account": "CLIENT/SUBJECT", "token": {…}, "issued_at": SECONDS}: token is the token endpoint's \
            answer as received, issued_at when that was (left out: now). A line is taken as a whole or refused; a \
            refused line is reported as FILE:LINE: ACCOUNT: REASON and the others go on.
            """
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The file; - for standard input.", completion: .file())
    var file: String

    func run() async throws {
        let input = try InputFile(self.file)
        let socket = self.options.socket
        let count = try await self.connected { clients in
            let progress = Progress(input)
            var importer = Importer(
                name: self.file == "-" ? "standard input" : self.file.escaped,
                clients: clients,
                socket: socket,
                report: { progress.interrupt(with: $0) },
                imported: { answer in
                    if self.options.json { try Terminal.standardOutput.print(answer.json("account")) }
                }
            )
            defer { progress.clear() }
            var number = 0
            while let line = try input.nextLine(limit: ImportLine.maximumLength) {
                number += 1
                try await importer.add(line, number: number)
                progress.update(lines: number)
            }
            try await importer.finish()
            return importer.count
        }
        let refused = count.refused == 0 ? "" : ", refused \(count.refused)"
        Terminal.standardError.write("refreshctl: imported \(count.imported)\(refused)\n")
        // Each refused line has been reported already.
        if count.refused > 0 { throw Failure(.failed, nil) }
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
