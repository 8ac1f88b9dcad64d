import OAuth
import RefreshCore
import Sinks

/// A sink on this machine: a file for each account, or a program that is run.
struct LocalSinkConfiguration: Hashable, Sendable {
    /// The name in the configuration, of the form of a client's name.
    var name: String
    /// Whose accounts are delivered.
    var clients: Set<ClientID>
    var settings: SinkSettings

    /// One line that says where tokens go, without arguments of commands.
    var summary: String {
        let place =
            switch self.settings {
            case .file(let settings): "files in \(settings.path.folder)"
            case .command(let settings): "runs \(settings.words.first ?? "")"
            case .setKeys: "calls"
            }
        let clients = self.clients.sorted().map(\.name).joined(separator: ", ")
        return "sink \(self.name): \(place), for \(clients)"
    }
}

extension LocalSinkConfiguration {
    /// Whether a `[sinks.NAME]` is one of these.
    static func isMeant(by table: TableReader) -> Bool {
        table.says("type", SinkType.file.rawValue) || table.says("type", SinkType.command.rawValue)
    }

    /// Reads `[sinks.NAME]`; nil, with a report, if no sink can be made of it, and without one if it is of another type.
    init?(name: String, _ table: TableReader, clients: [ClientConfiguration], clientNames: [String]) {
        guard Self.isMeant(by: table) else { return nil }
        let type = table.word("type", as: SinkType.self)
        let served = table.servedClients(from: clients, names: clientNames)
        let format = table.tokenFormat()
        let settings: SinkSettings?
        switch type {
        case .file?: settings = table.fileSettings(format).map { .file($0) }
        case .command?: settings = table.commandSettings(format).map { .command($0) }
        case .setKeys?, nil: settings = nil
        }
        table.finish()
        guard let id = table.clientID(named: name), let settings else { return nil }
        self.init(name: id.name, clients: Set(served.map(\.client.id)), settings: settings)
    }
}

/// The words of `format`.
private enum FormatWord: String, CaseIterable {
    case raw
    case header
    case env
    case json
}

/// The words of `mode`: what a file with a token may be.
private enum ModeWord: String, CaseIterable {
    case ownerReads = "0400"
    case ownerAndGroupRead = "0440"
    case owner = "0600"
    case ownerAndGroupReads = "0640"
}

extension TableReader {
    fileprivate func tokenFormat() -> TokenFormat {
        let variable = self.text("variable")
        let word = self.word("format", as: FormatWord.self) ?? .raw
        if let variable {
            let isName =
                variable.utf8.first.map { Self.isLetter($0) } == true
                && variable.utf8.allSatisfy { Self.isLetter($0) || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            if !isName {
                self.report("variable", "is not a variable's name", "use letters, digits and _, and no digit first")
            } else if word != .env {
                self.report("variable", "has no meaning without format = \"env\"", "remove it, or set the format")
            }
        }
        switch word {
        case .raw: return .raw
        case .header: return .header
        case .env: return .environment(variable: variable ?? "ACCESS_TOKEN")
        case .json: return .json
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || byte == UInt8(ascii: "_")
    }

    fileprivate func fileSettings(_ format: TokenFormat) -> FileSettings? {
        let environment = self.findings.environment
        let mode = self.word("mode", as: ModeWord.self) ?? .owner
        let owner = self.node("owner").flatMap { self.principal($0, kind: "user", lookUp: environment.userNumber) }
        let group = self.node("group").flatMap { self.principal($0, kind: "group", lookUp: environment.groupNumber) }
        guard let text = self.path("path") else {
            if !self.has("path") {
                self.report("path", "is missing", "write the files' path, with {account} in the file's name")
            }
            return nil
        }
        do throws(SinkSettingsError) {
            return FileSettings(
                path: try TokenPath(text),
                format: format,
                mode: UInt32(mode.rawValue, radix: 8) ?? 0o600,
                owner: owner,
                group: group
            )
        } catch {
            self.report("path", "is not good for tokens", error.sentence)
            return nil
        }
    }

    fileprivate func commandSettings(_ format: TokenFormat) -> CommandSettings? {
        let limit = self.duration("timeout", in: Configuration.Limits.commandTime) ?? .seconds(30)
        guard let words = self.texts("command") else {
            if !self.has("command") {
                self.report("command", "is missing", "write the program and its arguments as a list")
            }
            return nil
        }
        do throws(SinkSettingsError) {
            return try CommandSettings(words: words.map(\.text), format: format, timeLimit: limit)
        } catch {
            self.report("command", "cannot be run", error.sentence)
            return nil
        }
    }
}
