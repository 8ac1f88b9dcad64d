import RefreshCore

/// What one reading of the configuration finds: everything that is wrong, and what should be known.
///
/// Readers report here and go on, so that all errors are found at once. Lives only as long as the reading.
final class ConfigurationFindings {
    let environment: ConfigurationEnvironment
    private(set) var errors: [ConfigurationError] = []
    private(set) var warnings: [String] = []
    /// Every key that a reader has asked for, with `*` for names and `[]` left out: `clients.*.client_id`.
    private(set) var knownKeys: Set<String> = []

    init(environment: ConfigurationEnvironment) { self.environment = environment }

    func report(_ error: ConfigurationError) { self.errors.append(error) }

    func report(_ place: ConfigurationPlace, _ message: String, _ remedy: String) {
        self.report(ConfigurationError(place: place, message: message, remedy: remedy))
    }

    func warn(_ place: ConfigurationPlace, _ sentence: String) { self.warnings.append("\(place): \(sentence)") }

    func know(_ key: String) { self.knownKeys.insert(key) }

    /// Whether a reference names a credential that this process was not given.
    func isAbsent(_ reference: SecretReference) -> Bool {
        guard case .credential = reference else { return false }
        do throws(FileFault) {
            _ = try self.environment.readSecret(reference)
            return false
        } catch {
            return error == .absent || error == .noCredentials
        }
    }

    /// Reads a secret and checks where it is kept; reports and returns nil if it cannot be used.
    ///
    /// - Returns: The bytes as they are in the file.
    func secret(_ reference: SecretReference, at place: ConfigurationPlace) -> Secret? {
        let read: (facts: FileFacts, secret: Secret)
        do throws(FileFault) {
            read = try self.environment.readSecret(reference)
        } catch {
            self.report(error, of: reference, at: place)
            return nil
        }
        // Credentials are guarded by the service manager, with access lists that the permission bits do not show.
        if case .file = reference,
            let fault = read.facts.faultAsSecret(trustedOwners: self.environment.trustedOwners)
        {
            self.report(place, fault.message, fault.remedy)
            return nil
        }
        guard !read.secret.isEmpty else {
            self.report(place, "the secret is empty", "put the secret there")
            return nil
        }
        return read.secret
    }

    private func report(_ fault: FileFault, of reference: SecretReference, at place: ConfigurationPlace) {
        switch (fault, reference) {
        case (.noCredentials, .credential) where self.environment.credentialsAreOptional:
            self.warn(place, "not checked: credentials are there only when the service manager starts the daemon")
        case (.noCredentials, .credential):
            self.report(
                place,
                "this process was started without credentials",
                "start it through its unit, with LoadCredential= for this one, or use { file = \"/…\" }"
            )
        case (.absent, .credential):
            self.report(
                place,
                "the service manager passes no such credential",
                "add LoadCredential= for it to the unit"
            )
        case (.absent, .file), (.noCredentials, .file):
            self.report(place, "names a file that does not exist", "create it, or correct the path")
        case (.unreadable, _):
            self.report(place, "the secret cannot be read", "let the user of the service read it")
        case (.tooLarge, _):
            self.report(place, "the secret is larger than 64 KiB", "name the right one")
        }
    }
}
