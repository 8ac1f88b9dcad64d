import OAuth
import RefreshCore

// The keys that a client and a profile of the operator's have in common, and what each alone has.

extension TableReader {
    fileprivate static let endpoints: [(key: String, field: any WritableKeyPath<ProviderProfile, String?> & Sendable)] =
        [
            ("token_endpoint", \.tokenEndpoint), ("authorization_endpoint", \.authorizationEndpoint),
            ("revocation_endpoint", \.revocationEndpoint),
            ("device_authorization_endpoint", \.deviceAuthorizationEndpoint),
            ("issuer", \.issuer), ("refresh_endpoint", \.refreshEndpoint), ("exchange_endpoint", \.exchangeEndpoint),
        ]

    /// What may stand in braces in an endpoint, each a key of a client.
    private static let placeholders = ["domain", "tenant", "version"]

    /// Parameters that are no operator's to set: ours, or secrets.
    private static let reservedParameters: Set<String> = [
        "grant_type", "refresh_token", "client_id", "client_secret", "client_assertion", "client_assertion_type",
        "access_token", "fb_exchange_token",
    ]

    /// A client's profile with the client's own keys laid over it and its placeholders filled in.
    ///
    /// - Parameters:
    ///   - named: From the catalogue.
    ///   - insecureLoopback: Whether the client permits plain http to this machine.
    ///   - isKnown: Whether the profile is the one that was meant; if not, nothing is said of what it lacks.
    /// - Returns: The effective profile. Placeholders that are left in it have been reported.
    func effective(_ named: ProviderProfile, insecureLoopback: Bool, isKnown: Bool) -> ProviderProfile {
        var profile = named
        for (key, field) in Self.endpoints {
            guard let url = self.endpoint(key, insecureLoopback: insecureLoopback) else { continue }
            // An issuer is a name, compared letter by letter (RFC 8414 §3.3): a slash more is another one.
            profile[keyPath: field] = key == "issuer" ? self.text(key) : url.text
        }
        self.applySharedKeys(to: &profile)

        var values: [String: String] = [:]
        for key in Self.placeholders {
            guard let value = self.text(key) else { continue }
            guard named.placeholders.contains(key) || !isKnown else {
                self.report(key, "means nothing to this profile", "remove it, or name the endpoints themselves")
                continue
            }
            guard ProviderProfile.isPlaceholderValue(value) else {
                self.report(key, "is not a host name", "use letters, digits, dots and hyphens only, without https://")
                continue
            }
            values[key] = value
        }
        profile = profile.filled(with: values)
        for key in profile.placeholders where isKnown && !self.has(key) {
            self.report(key, "is missing, for the provider's host is the customer's", "write \(key) = \"…\"")
        }
        if isKnown { self.checkEndpoints(of: profile, insecureLoopback: insecureLoopback) }
        return profile
    }

    /// Checks the endpoints that came from the profile: it may be the operator's own, and was filled in just now.
    private func checkEndpoints(of profile: ProviderProfile, insecureLoopback: Bool) {
        guard profile.placeholders.isEmpty else { return }
        for (key, field) in Self.endpoints where !self.has(key) {
            guard let text = profile[keyPath: field] else { continue }
            do throws(EndpointURLError) {
                _ = try EndpointURL(text, insecureLoopback: insecureLoopback)
            } catch {
                let culprit = Self.placeholders.first { self.has($0) } ?? "profile"
                self.report(culprit, "makes no good \(key): \(error.sentence)", "correct it")
                return
            }
        }
    }

    /// Reads what may stand in a client and in a profile alike.
    func applySharedKeys(to profile: inout ProviderProfile) {
        if let scopes = self.scopes("scopes") { profile.scopes = scopes }
        if let parameters = self.map("parameters") {
            for (name, value) in parameters {
                guard !Self.reservedParameters.contains(name) else {
                    self.findings.report(
                        self.place(of: name, in: "parameters"),
                        "this parameter is set by refreshd itself",
                        "remove it; a secret is named by client_secret"
                    )
                    continue
                }
                profile.extraParameters[name] = value
            }
        }
        if let lifetime = self.duration("default_lifetime", in: Configuration.Limits.lifetime) {
            profile.defaultLifetime = lifetime
        }
        if let lifetime = self.duration("grant_lifetime", in: Configuration.Limits.lifetime) {
            profile.grantLifetime = lifetime
        }
        profile.grantRenewal = self.word("grant_renewal", as: GrantRenewal.self) ?? profile.grantRenewal
        if let ahead = self.duration("refresh_ahead", in: Configuration.Limits.lifetime) {
            profile.refreshAhead = ahead
        }
        profile.minimumAge = self.duration("minimum_age", in: Configuration.Limits.lifetime) ?? profile.minimumAge
        profile.refreshMethod = self.word("refresh_method", as: RefreshMethod.self)?.method ?? profile.refreshMethod
        profile.storageKey = self.segment("storage_key") ?? profile.storageKey
        profile.requiredScopes = self.scopes("required_scopes") ?? profile.requiredScopes
        if let style = self.word("revocation", as: RevocationStyle.self) { profile.revocation = style }
        self.applyHabit(to: &profile.habit)
    }

    private func applyHabit(to habit: inout RotationHabit) {
        let rotation = self.word("rotation", as: Rotation.self)
        let blast = self.word("blast", as: Blast.self)
        let grace = self.duration("grace", in: Configuration.Limits.grace)
        let killsAccessToken = self.boolean("kills_access_token")
        let reuseEndsTokens = self.boolean("reuse_ends_tokens")
        if let rotation {
            habit.rotation = rotation
            // What a server does about reuse says nothing where reuse is the rule.
            if !rotation.spends { habit.blast = .none }
            if rotation != .grace { habit.grace = .zero }
            habit.reuseEndsTokens = false
        }
        habit.blast = blast ?? habit.blast
        habit.killsAccessToken = killsAccessToken ?? habit.killsAccessToken
        habit.reuseEndsTokens = reuseEndsTokens ?? habit.reuseEndsTokens
        if reuseEndsTokens == true, habit.rotation != .singleUse || habit.blast != .family {
            self.report(
                "reuse_ends_tokens",
                "has no meaning without rotation = \"single_use\" and blast = \"family\"",
                "remove it, or set both"
            )
        }
        if let grace {
            habit.grace = grace
            if habit.rotation != .grace {
                self.report("grace", "has no meaning without rotation = \"grace\"", "remove it, or set the rotation")
            }
        } else if habit.rotation == .grace, habit.grace == .zero, !self.has("grace") {
            self.report(
                "grace",
                "is missing, for rotation = \"grace\"",
                "write how long the old refresh token stays good"
            )
        }
    }

    /// A list of scopes, each of the characters of RFC 6749 §3.3.
    fileprivate func scopes(_ key: String) -> [String]? {
        guard let items = self.texts(key) else { return nil }
        for item in items {
            let isScope = item.text.utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
            }
            if !isScope {
                self.findings.report(
                    item.place,
                    "is not a scope",
                    "write each scope as an item of its own, without blanks"
                )
            }
        }
        return items.map(\.text)
    }
}

// MARK: - Files of providers.d

extension ProviderProfile {
    /// Reads a file of `providers.d`, whose name is the profile's; nil, with a report, if no profile can be made of it.
    init?(id: String, node: ConfigurationNode, findings: ConfigurationFindings) {
        guard case .table(let entries) = node.content else { return nil }
        let table = TableReader(entries, place: node.place, pattern: "", findings: findings)
        var profile = ProviderProfile(id: id, name: table.text("name") ?? id)
        profile.strategy = table.word("strategy", as: StrategyName.self) ?? profile.strategy
        table.applyEndpoints(to: &profile)
        profile.authenticationMethod =
            table.word("token_endpoint_auth_method", as: ClientAuthenticationMethod.self)
            ?? profile.authenticationMethod
        table.applySharedKeys(to: &profile)
        table.applyAnswerKeys(to: &profile)
        profile.authorizationParameters = table.map("authorization_parameters") ?? [:]
        table.finish()
        guard table.clientID(named: id) != nil else { return nil }
        self = profile
    }
}

extension TableReader {
    /// Endpoints that may hold `{domain}` and `{tenant}`, and what stands for those by default.
    fileprivate func applyEndpoints(to profile: inout ProviderProfile) {
        profile.placeholderDefaults = self.map("placeholder_defaults") ?? [:]
        for (key, field) in Self.endpoints {
            guard let text = self.text(key) else { continue }
            profile[keyPath: field] = text
            var sample = ProviderProfile(id: profile.id, name: profile.name)
            sample.tokenEndpoint = text
            let unknown = sample.placeholders.filter { !Self.placeholders.contains($0) }
            guard unknown.isEmpty else {
                self.report(key, "has a placeholder that is not known", "use {domain}, {tenant} and {version} only")
                continue
            }
            let filled = sample.filled(with: ["domain": "files.example.com", "tenant": "common", "version": "v1"])
            do throws(EndpointURLError) {
                // Plain http is the client's to permit; there the endpoint is looked at again.
                _ = try EndpointURL(filled.tokenEndpoint ?? text, insecureLoopback: true)
            } catch {
                self.report(key, error.sentence, "correct the address")
            }
        }
        for (name, value) in profile.placeholderDefaults {
            let place = self.place(of: name, in: "placeholder_defaults")
            if !profile.placeholders.contains(name) {
                self.findings.report(place, "stands in no endpoint", "remove it, or write {\(name)} in an endpoint")
            } else if !ProviderProfile.isPlaceholderValue(value) {
                self.findings.report(place, "is not a host name", "use letters, digits, dots and hyphens only")
            }
        }
    }

    /// How the provider's answers differ from the RFC's.
    fileprivate func applyAnswerKeys(to profile: inout ProviderProfile) {
        profile.zeroLifetimeMeansNever = self.boolean("zero_lifetime_means_never") ?? false
        profile.bindings = self.texts("bindings")?.map(\.text) ?? []
        profile.echoes = self.texts("echoes")?.map(\.text) ?? []
        profile.identityMember = self.text("identity_member")
        profile.scopeSeparator = self.word("scope_separator", as: ScopeSeparator.self)?.character ?? " "
        profile.accessTokenMember = self.text("access_token_member")
        profile.expiryMember = self.text("expiry_member")
        profile.answersAreForms = self.boolean("answers_are_forms") ?? false
        profile.retryAfterMember = self.text("retry_after_member")
        profile.usesThrottleHeader = self.boolean("uses_throttle_header") ?? false
        profile.errorRules = self.tables("error_rules").compactMap { $0.errorRule() }
    }

    private func errorRule() -> ErrorRule? {
        let code = self.text("code")
        let part = self.text("description_contains")
        let number = self.integer("number", in: 0...1_000_000_000)
        let last = self.integer("last_number", in: 0...1_000_000_000)
        let subnumber = self.integer("subnumber", in: 0...1_000_000_000)
        let meaning = self.word("meaning", as: ErrorRule.Meaning.self)
        self.finish()
        guard ["code", "description_contains", "number", "subnumber"].contains(where: self.has) else {
            self.findings.report(
                self.place,
                "matches nothing",
                "add code, description_contains, number or subnumber"
            )
            return nil
        }
        if let last, number.map({ $0 > last }) ?? true {
            self.report("last_number", "is no end of a range that begins with number", "write the smaller as number")
            return nil
        }
        guard let meaning else {
            if !self.has("meaning") {
                let words = ErrorRule.Meaning.allCases.map(\.rawValue).joined(separator: ", ")
                self.report("meaning", "is missing", "use one of \(words)")
            }
            return nil
        }
        return ErrorRule(
            code: code,
            descriptionContains: part,
            numbers: number.map { $0...(last ?? $0) },
            subnumber: subnumber,
            meaning: meaning
        )
    }
}

/// How a token is asked to be exchanged or extended.
private enum RefreshMethod: String, CaseIterable {
    case post
    case get

    var method: EndpointRequest.Method {
        switch self {
        case .post: .post
        case .get: .get
        }
    }
}

/// What stands between scopes beside white space.
private enum ScopeSeparator: String, CaseIterable {
    case space
    case comma

    var character: Character {
        switch self {
        case .space: " "
        case .comma: ","
        }
    }
}
