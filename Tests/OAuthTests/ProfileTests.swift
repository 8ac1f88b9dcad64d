import OAuth
import RefreshCore
import Testing

@Suite struct ProfileTests {
    @Test func `the built-in profiles are those of the provider facts, in the order of their names`() {
        #expect(
            BuiltInProfiles.all.map(\.id) == [
                "box", "dropbox", "ellipsis", "evernote", "facebook", "flickr", "gdrive", "gitshare", "huddle",
                "instagram", "oidc", "onedrive", "onedrive-live", "rfc6749", "smartfile", "vk-legacy", "vkid",
            ]
        )
    }

    @Test(arguments: BuiltInProfiles.all)
    func `every endpoint is https and has no query`(profile: ProviderProfile) throws {
        #expect(throws: Never.self) { try ClientID(profile.id) }
        let endpoints = [
            profile.tokenEndpoint, profile.authorizationEndpoint, profile.revocationEndpoint,
            profile.deviceAuthorizationEndpoint, profile.issuer, profile.refreshEndpoint, profile.exchangeEndpoint,
        ]
        for endpoint in endpoints.compactMap({ $0 }) {
            #expect(endpoint.hasPrefix("https://"))
            #expect(!endpoint.contains("?") && !endpoint.contains("#") && !endpoint.contains(" "))
        }
        let isGeneric = profile.id == "rfc6749" || profile.id == "oidc"
        if profile.strategy != .none, !isGeneric { #expect(profile.tokenEndpoint != nil) }
    }

    @Test(
        arguments: [
            ("box", Rotation.singleUse), ("huddle", .singleUse), ("vkid", .singleUse), ("smartfile", .singleUse),
            ("gitshare", .singleUse), ("dropbox", .none), ("gdrive", .none), ("onedrive", .parallel),
            ("onedrive-live", .parallel), ("ellipsis", .unknown), ("rfc6749", .unknown), ("oidc", .unknown),
            ("facebook", .none), ("instagram", .none),
        ]
    )
    func `what a redeemed refresh token does is as the facts have it`(id: String, rotation: Rotation) throws {
        let profile = try #require(ProfileCatalogue().profile(named: id))
        #expect(profile.habit.rotation == rotation)
        // Whatever is not known may hurt other grants too, until somebody knows better.
        if rotation == .unknown { #expect(profile.habit.blast == .clientUser) }
    }

    @Test func `what cannot be refreshed has no strategy`() {
        let without = BuiltInProfiles.all.filter { $0.strategyImplementation == nil }
        #expect(without.map(\.id) == ["evernote", "flickr", "vk-legacy"])
    }

    @Test func `the domain is filled in, and nothing that leads elsewhere is`() {
        let smartfile = BuiltInProfiles.smartfile
        #expect(smartfile.placeholders == ["domain"])
        #expect(smartfile.filled(with: [:]).tokenEndpoint == "https://app.smartfile.com/oauth2/token/")
        let own = smartfile.filled(with: ["domain": "files.example.com:8443"])
        #expect(own.tokenEndpoint == "https://files.example.com:8443/oauth2/token/")
        #expect(own.authorizationEndpoint == "https://files.example.com:8443/oauth2/authorize/")
        #expect(own.placeholders.isEmpty)

        #expect(BuiltInProfiles.gitshare.filled(with: [:]).placeholders == ["domain"])
        for value in ["", "a/b", "a?b", "a#b", "a@b", "a b", "a\\b", "{domain}", "ä.test", "a%2Fb", "a\nb"] {
            #expect(!ProviderProfile.isPlaceholderValue(value))
            #expect(BuiltInProfiles.gitshare.filled(with: ["domain": value]).placeholders == ["domain"])
        }
    }

    @Test func `a tenant of one's own replaces the common one everywhere`() {
        #expect(
            BuiltInProfiles.onedrive.filled(with: [:]).tokenEndpoint
                == "https://login.microsoftonline.com/common/oauth2/v2.0/token"
        )
        let filled = BuiltInProfiles.onedrive.filled(with: ["tenant": "consumers"])
        #expect(
            filled.deviceAuthorizationEndpoint == "https://login.microsoftonline.com/consumers/oauth2/v2.0/devicecode"
        )
        #expect(filled.placeholders.isEmpty)
    }

    @Test func `hosts that move and versions that are counted up can be named`() {
        let vk = BuiltInProfiles.vkid.filled(with: ["domain": "id.vk.ru"])
        #expect(vk.tokenEndpoint == "https://id.vk.ru/oauth2/auth")
        #expect(vk.revocationEndpoint == "https://id.vk.ru/oauth2/revoke")
        let facebook = BuiltInProfiles.facebook.filled(with: ["version": "v26.0"])
        #expect(facebook.tokenEndpoint == "https://graph.facebook.com/v26.0/oauth/access_token")
        #expect(facebook.authorizationEndpoint == "https://www.facebook.com/v26.0/dialog/oauth")
        let ellipsis = BuiltInProfiles.ellipsis.filled(with: ["domain": "own.example.com"])
        #expect(ellipsis.tokenEndpoint == "https://own.example.com/v3/oauth/token")
        for profile in BuiltInProfiles.all where profile.id != "gitshare" {
            #expect(profile.filled(with: [:]).placeholders.isEmpty, "\(profile.id)")
        }
    }

    @Test(
        arguments: [
            ("gdrive", Lifetime.known(.seconds(7)), true, Duration.seconds(7)),
            ("gdrive", .unknown, true, .seconds(3_600)),
            ("gdrive", .never, true, nil),
            ("rfc6749", .unknown, true, .seconds(1_800)),
            ("rfc6749", .unknown, false, nil),
            // A long-lived token of old, which nothing could replace.
            ("dropbox", .unknown, false, nil),
            ("evernote", .unknown, false, .seconds(31_536_000)),
            ("flickr", .unknown, false, nil),
            ("vk-legacy", .never, false, nil),
            ("facebook", .unknown, true, .seconds(5_184_000)),
        ] as [(String, Lifetime, Bool, Duration?)]
    )
    func `a lifetime that was not told comes from the profile`(
        id: String,
        lifetime: Lifetime,
        hasRefreshToken: Bool,
        expected: Duration?
    ) throws {
        let profile = try #require(ProfileCatalogue().profile(named: id))
        #expect(profile.lifetime(lifetime, hasRefreshToken: hasRefreshToken) == expected)
    }

    @Test func `an operator's profile replaces the built-in one of its name, and the later of two wins`() {
        let first = ProviderProfile(id: "box", name: "first")
        let second = ProviderProfile(id: "box", name: "second")
        let extra = ProviderProfile(id: "extra", name: "extra")
        let catalogue = ProfileCatalogue(own: [first, extra, second])
        #expect(catalogue.profile(named: "box") == second)
        #expect(catalogue.profile(named: "extra") == extra)
        #expect(catalogue.profile(named: "gdrive") == BuiltInProfiles.gdrive)
        #expect(catalogue.profile(named: "nothing") == nil)
        #expect(catalogue.isOwn("box") && !catalogue.isOwn("gdrive"))
        #expect(catalogue.names == (BuiltInProfiles.all.map(\.id) + ["extra"]).sorted())
    }

    @Test func `clients share a lane by endpoint and client id, and by nothing else`() throws {
        func lane(_ name: String, _ clientID: String, _ endpoint: String?) throws -> LaneID {
            let profile = ProviderProfile(id: "p", name: "p")
            let id = try ClientID(name)
            return OAuthClient(id: id, profile: profile, clientID: clientID, clientSecret: nil, tokenEndpoint: endpoint)
                .lane
        }
        #expect(try lane("a", "x", "https://one.test/") == lane("b", "x", "https://one.test/"))
        #expect(try lane("a", "x", "https://one.test/") != lane("a", "y", "https://one.test/"))
        #expect(try lane("a", "x", "https://one.test/") != lane("a", "x", "https://two.test/"))
        #expect(try lane("a", "x", nil) != lane("b", "x", nil))
    }
}

@Suite struct TokenResponseTests {
    @Test func `a grant is given what its profile binds it to, from the answer that first brings it`() throws {
        let body = #"{"access_token":"canary-at","refresh_token":"canary-rt","device_id":"d1","state":"s","x":"y"}"#
        let response = try TokenResponse(parsing: Array(body.utf8), profile: BuiltInProfiles.vkid)
        #expect(response.bindings == ["device_id": "d1"])
        #expect(try TokenResponse(parsing: Array(body.utf8)).bindings.isEmpty)
    }

    @Test(
        arguments: [
            (#""refresh_token_expires_in":604800"#, Duration.seconds(604_800)),
            (#""refresh_expires_in":"1800""#, .seconds(1_800)),
            (#""refresh_expires_in":0"#, nil),
            (#""refresh_token_expires_in":"never""#, nil),
            (#""x":1"#, nil),
        ] as [(String, Duration?)]
    )
    func `the grant's own lifetime is taken when it is told`(member: String, expected: Duration?) throws {
        let body = #"{"access_token":"canary-at",\#(member)}"#
        #expect(try TokenResponse(parsing: Array(body.utf8)).grantLifetime == expected)
    }

    @Test func `a profile may say that answers are forms, and scopes have commas between them`() throws {
        var profile = ProviderProfile(id: "old", name: "old")
        profile.answersAreForms = true
        profile.scopeSeparator = ","
        let body = "access_token=canary-at%2B1&expires_in=60&scope=a%2Cb&token_type=bearer"
        let response = try TokenResponse(parsing: Array(body.utf8), profile: profile)
        #expect(response.accessToken == Secret("canary-at+1"))
        #expect(response.scope == ["a", "b"])
        #expect(response.lifetime == .known(.seconds(60)))
        #expect(throws: TokenResponseError.unreadable(.doubled)) {
            try TokenResponse(parsing: Array("access_token=canary-a&access_token=canary-b".utf8), profile: profile)
        }
    }

    @Test func `an error keeps what it found to itself`() {
        let body = Array(#"{"refresh_token":"canary-rt"}"#.utf8)
        #expect(throws: TokenResponseError.onlyRefreshToken(Secret("canary-rt"))) { try TokenResponse(parsing: body) }
        do {
            _ = try TokenResponse(parsing: body)
        } catch {
            #expect(!"\(error)".contains("canary") && !String(reflecting: error).contains("canary"))
            #expect(!String(describing: Mirror(reflecting: error).children.map { "\($0)" }).contains("canary"))
        }
    }
}
