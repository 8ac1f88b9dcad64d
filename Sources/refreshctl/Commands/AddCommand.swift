import ArgumentParser
import ControlAPI

import Varlink

struct AddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Add an account, or give one that exists a new grant.",
        discussion: """
            Reads a token endpoint's JSON answer, from a file or standard input and never from an argument: arguments \
            are visible to every user of the machine.
            """
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: "The account: CLIENT/SUBJECT.", transform: AccountName.init(checking:))
    var account: AccountName

    @Argument(help: "The file with the answer; standard input if left out.", completion: .file())
    var file: String?

    func run() async throws {
        let token = try Self.token(self.file)
        try await Daemon.with(self.options) { daemon in
            let answer = try await daemon.call(Call.Put(account: self.account.text, token: token))
            try self.options.show(answer)
        }
    }

    private static func token(_ file: String?) throws(Failure) -> TokenAnswer {
        let bytes = try InputFile(file).readAll(limit: ImportLine.maximumLength)
        do throws(ImportLine.Fault) {
            _ = try ImportLine.token(parsing: bytes)
        } catch {
            throw Failure(.failed, "\(file?.escaped ?? "standard input"): \(error.reason)")
        }
        do throws(InvalidParameter) {
            return try TokenAnswer(json: bytes)
        } catch {
            throw Failure(.failed, "\(file?.escaped ?? "standard input"): not a JSON object")
        }
    }
}
