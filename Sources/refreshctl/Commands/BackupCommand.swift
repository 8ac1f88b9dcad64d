import ArgumentParser
import ControlAPI
import Glibc

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Make a copy of the store while refreshd is running.",
        discussion: """
            The copy is sealed as the store is: without the store's key it cannot be read, so keep the key too, apart from \
            it. refreshd itself writes the file, and under its unit it may write to its state directory only, by default \
            /var/lib/refreshd. There must be nothing at the path yet.
            """
    )

    @ParentCommand var options: Refreshctl

    @Argument(help: ArgumentHelp("Where to put the copy.", valueName: "file"), completion: .file())
    var file: String

    func run() async throws {
        // The daemon's working directory is another one.
        let path = self.file.hasPrefix("/") ? self.file : "\(try Self.workingFolder())/\(self.file)"
        try await Daemon.with(self.options) { daemon in
            let answer = try await daemon.call(Call.Backup(path: path))
            if self.options.json { try Terminal.standardOutput.print(answer.json()) }
        }
    }

    private static func workingFolder() throws -> String {
        guard let path = unsafe getcwd(nil, 0) else {
            throw Failure(.failed, "this folder has no name any more; name the file by a path that begins with /")
        }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }
}
