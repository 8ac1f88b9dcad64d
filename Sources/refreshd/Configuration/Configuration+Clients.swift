import OAuth
import RefreshCore

extension ClientConfiguration {
    /// Reads `[clients.NAME]`; nil, with a report, if no client can be made of it.
    init?(name: String, _ table: TableReader, catalogue: ProfileCatalogue, policy: RefreshPolicy) {
        let insecureLoopback = table.boolean("insecure_loopback") ?? false
        if insecureLoopback {
            table.warn("insecure_loopback", "tokens may travel over plain http on this machine")
        }
        let caFile = table.certificateFile()
        let secrets = table.clientSecrets()
        let method = table.word("token_endpoint_auth_method", as: ClientAuthenticationMethod.self)

        let named = table.profile(from: catalogue)
        let profile = table.effective(named.profile, insecureLoopback: insecureLoopback, isKnown: named.isKnown)
        let refreshes = profile.strategy != .none
        if named.isKnown, refreshes, profile.tokenEndpoint == nil, !table.has("token_endpoint") {
            table.report(
                "token_endpoint",
                "is missing, for the profile has none",
                "name the provider's token endpoint, or a profile that has one"
            )
        }

        let clientID = table.text("client_id")
        if named.isKnown, refreshes, clientID == nil, !table.has("client_id") {
            table.report("client_id", "is missing", "write the identifier that the provider gave to this client")
        }
        table.checkAuthentication(method, profile: profile, isKnown: named.isKnown)

        let ownPolicy = RefreshPolicy(table, default: policy)
        let limitsTable = table.table("limits")
        let limits = LaneLimits(
            rate: limitsTable.number("rate", in: Configuration.Limits.rate) ?? Configuration.Defaults.limits.rate,
            concurrency: limitsTable.integer("concurrency", in: Configuration.Limits.concurrency)
                ?? Configuration.Defaults.limits.concurrency
        )
        limitsTable.finish()
        table.finish()

        // A sink must not complain of what only the profile in the place of an unknown one lacks.
        guard let id = table.clientID(named: name), named.isKnown else { return nil }
        self.init(
            client: OAuthClient(
                id: id,
                profile: profile,
                clientID: clientID ?? "",
                clientSecret: secrets.first?.secret,
                otherSecrets: secrets.dropFirst().map(\.secret),
                authenticationMethod: method
            ),
            secretReference: secrets.first?.reference,
            window: ownPolicy.window,
            mode: ownPolicy.mode,
            limits: limits,
            caFile: caFile,
            insecureLoopback: insecureLoopback
        )
    }
}

extension TableReader {
    /// The checked name of a table below `clients` or `sinks`.
    func clientID(named name: String) -> ClientID? {
        guard let id = try? ClientID(name) else {
            self.findings.report(
                self.place,
                "is not a name",
                "use at most 64 of a-z, 0-9, _ and -, with a letter or digit first"
            )
            return nil
        }
        return id
    }

    /// `ca_file`, which must be there and be nobody else's to write: who may add a root may read every token.
    func certificateFile() -> String? {
        guard let path = self.path("ca_file") else { return nil }
        do throws(FileFault) {
            let file = try self.findings.environment.readFile(path)
            if let fault = file.facts.faultAsConfiguration(trustedOwners: self.findings.environment.trustedOwners) {
                self.report("ca_file", "the file \(fault.message)", fault.remedy)
                return nil
            }
            guard String(decoding: file.bytes, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
                self.report("ca_file", "the file holds no certificate", "name a file of certificates in PEM form")
                return nil
            }
        } catch {
            self.report("ca_file", "the file cannot be read", "create it, or let the user of the service read it")
            return nil
        }
        return path
    }

    /// The profile that the client names, or a plain one in its place so that the other keys can still be checked.
    fileprivate func profile(from catalogue: ProfileCatalogue) -> (profile: ProviderProfile, isKnown: Bool) {
        let name = self.text("profile")
        guard name != nil || !self.has("profile") else { return (BuiltInProfiles.rfc6749, false) }
        guard let profile = catalogue.profile(named: name ?? Configuration.Defaults.profile) else {
            let remedy = Vocabulary(catalogue.names).remedy(for: name ?? "")
            self.report("profile", "there is no profile of this name, built in or in providers.d", remedy)
            return (BuiltInProfiles.rfc6749, false)
        }
        return (profile, true)
    }

    /// The secrets of a client, the one to be tried first in front: `client_secret`, or the list `client_secrets`.
    fileprivate func clientSecrets() -> [(reference: SecretReference, secret: Secret)] {
        let one = self.secretReference("client_secret").map { [($0, self.place(of: "client_secret"))] } ?? []
        let list = self.secretReferences("client_secrets")
        if self.has("client_secret"), self.has("client_secrets") {
            self.report(
                "client_secrets",
                "stands beside client_secret",
                "put all of them into client_secrets, in the order in which they are to be tried"
            )
        }
        return (one + list).compactMap { reference, place in
            self.clientSecret(reference, at: place).map { (reference, $0) }
        }
    }

    /// A secret of a client: text without control characters, but for one newline at its end.
    private func clientSecret(_ reference: SecretReference, at place: ConfigurationPlace) -> Secret? {
        guard let raw = self.findings.secret(reference, at: place) else { return nil }
        var bytes = raw.revealBytes()
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        guard !bytes.isEmpty else {
            self.findings.report(place, "the secret is empty", "put the secret there")
            return nil
        }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            self.findings.report(
                place,
                "the secret has control characters or more than one line",
                "put only the secret there"
            )
            return nil
        }
        return Secret(bytes)
    }

    /// Reports a secret that the method does not use, and a method that lacks its secret.
    fileprivate func checkAuthentication(
        _ method: ClientAuthenticationMethod?,
        profile: ProviderProfile,
        isKnown: Bool
    ) {
        guard isKnown, profile.strategy != .none else { return }
        let key = self.has("client_secrets") ? "client_secrets" : "client_secret"
        let hasSecret = self.has(key)
        switch method {
        case .clientSecretBasic?, .clientSecretPost?:
            guard !hasSecret else { return }
            self.report(
                "token_endpoint_auth_method",
                "needs a client_secret, and there is none",
                "add client_secret = { credential = \"name\" }, or use none"
            )
        case ClientAuthenticationMethod.none?:
            guard hasSecret else { return }
            self.report(
                key,
                "is never sent with token_endpoint_auth_method = \"none\"",
                "remove one of the two"
            )
        case nil where self.has("token_endpoint_auth_method"): return
        case nil where hasSecret && profile.authenticationMethod == .none:
            self.report(
                key,
                "is never sent, for the profile is for clients without a secret",
                "remove it, or set token_endpoint_auth_method"
            )
        case nil where !hasSecret && profile.authenticationMethod != .none:
            self.findings.warn(
                self.place,
                "there is no client_secret, so this is taken for a public client; "
                    + "token_endpoint_auth_method = \"none\" says that it is one"
            )
        case nil: return
        }
    }
}
