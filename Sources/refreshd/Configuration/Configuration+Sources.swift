import OAuth
import RefreshCore

extension Configuration {
    /// The files of a configuration, read and merged, before anybody asked what they mean.
    struct Sources {
        /// Nil when the main file could not be read: what its drop-ins mean without it is nobody's question.
        var root: ConfigurationNode?
        /// In the order of their names.
        var profiles: [(id: String, node: ConfigurationNode)]
        var files: [String]
    }
}

extension Configuration.Sources {
    // The only list that grows from file to file: rules of different drop-ins stand beside each other.
    private static let appended: Set<String> = ["access"]

    /// Reads the main file, `conf.d/*.toml` beside it in the order of their names, and `providers.d/*.toml`.
    ///
    /// Whatever is wrong with one file is reported, and the others are read all the same.
    init(path: String, findings: ConfigurationFindings) {
        self.profiles = []
        self.files = []

        self.root = Self.read(path, isMain: true, findings: findings)
        if self.root != nil { self.files.append(path) }
        let folder = Self.folder(of: path)
        for name in Self.names(in: "\(folder)conf.d", findings: findings) {
            let file = "\(folder)conf.d/\(name)"
            guard let node = Self.read(file, findings: findings) else { continue }
            self.root?.merge(node, appending: Self.appended)
            self.files.append(file)
        }
        for name in Self.names(in: "\(folder)providers.d", findings: findings) {
            let file = "\(folder)providers.d/\(name)"
            guard let node = Self.read(file, findings: findings) else { continue }
            self.profiles.append((String(name.dropLast(Self.suffix.count)), node))
            self.files.append(file)
        }
    }

    private static let suffix = ".toml"

    /// With a slash at its end; empty for a name without a folder.
    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[...slash])
    }

    /// The files of a folder of drop-ins, by their bytes; a folder that does not exist has none.
    private static func names(in folder: String, findings: ConfigurationFindings) -> [String] {
        do throws(FileFault) {
            return try findings.environment.listFolder(folder)
                .filter { $0.hasSuffix(Self.suffix) && !$0.hasPrefix(".") }
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        } catch {
            if error != .absent {
                findings.report(
                    ConfigurationPlace(file: folder),
                    "cannot be read",
                    "let the user of the service read the folder"
                )
            }
            return []
        }
    }

    private static func read(
        _ path: String,
        isMain: Bool = false,
        findings: ConfigurationFindings
    ) -> ConfigurationNode? {
        let place = ConfigurationPlace(file: path)
        let file: (facts: FileFacts, bytes: [UInt8])
        do throws(FileFault) {
            file = try findings.environment.readFile(path)
        } catch {
            switch error {
            case .absent where isMain:
                findings.report(
                    place,
                    "there is no configuration",
                    "copy the commented example, etc/refreshd/refreshd.toml of the sources, to this place"
                )
            case .absent, .unreadable, .noCredentials:
                findings.report(place, "cannot be read", "let the user of the service read it")
            case .tooLarge: findings.report(place, "is larger than 1 MiB", "put a configuration there")
            }
            return nil
        }
        if let fault = file.facts.faultAsConfiguration(trustedOwners: findings.environment.trustedOwners) {
            findings.report(place, fault.message, fault.remedy)
            return nil
        }
        do throws(ConfigurationError) {
            return try ConfigurationNode(parsing: file.bytes, file: path)
        } catch {
            findings.report(error)
            return nil
        }
    }
}
