import ArgumentParser
import ControlAPI

struct RekeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rekey",
        abstract: "Seal everything in the store anew, under the present key.",
        discussion: """
            First name the new key in [store] key and the one before in [store] old_keys of refreshd.toml, and restart \
            refreshd. Once nothing is left under an old key, take it out of old_keys; keep it for as long as there are \
            backups that need it. Interrupted, this is simply begun again.
            """
    )

    @ParentCommand var options: Refreshctl

    func run() async throws {
        try await Daemon.with(self.options) { daemon in
            var last: Answer?
            for try await answer in try daemon.replies(to: Call.Rekey()) {
                last = answer
                guard !self.options.json, Terminal.standardError.isTerminal else { continue }
                let progress = try answer.decode(RekeyReply.self)
                Terminal.standardError.write("\r\u{1B}[K\(progress.done) accounts sealed anew")
            }
            if !self.options.json, Terminal.standardError.isTerminal { Terminal.standardError.write("\r\u{1B}[K") }
            guard let last else { return }
            if self.options.json { try Terminal.standardOutput.print(last.json()) }
            let end = try last.decode(RekeyReply.self)
            if !self.options.json {
                try Terminal.standardOutput.print("\(end.done) accounts sealed anew, \(end.left) left under an old key")
            }
            guard end.left == 0 else {
                throw Failure(
                    .failed,
                    "\(end.left) accounts could not be sealed anew; keep the old keys, see the journal (journalctl -u refreshd)"
                )
            }
        }
    }
}
