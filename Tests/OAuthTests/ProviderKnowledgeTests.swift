import RefreshCore
import Testing

@testable import OAuth

/// What is known of grants, scopes and habits beside the messages.
@Suite struct ProviderKnowledgeTests {
    private static let day: Duration = .seconds(86_400)
    private static let issued = Timestamp(seconds: 1_700_000_000)

    private static func facts(grantEnds end: Duration?) -> TokenFacts {
        TokenFacts(
            tokenType: "Bearer",
            scope: [],
            issuedAt: Self.issued,
            expiresAt: Self.issued + .seconds(3_600),
            grantExpiresAt: end.map { Self.issued + $0 }
        )
    }

    /// The end after a refresh ten days later.
    private static func end(
        _ profile: ProviderProfile,
        before: Duration?,
        told: Duration? = nil,
        hasNewToken: Bool
    ) -> Duration? {
        profile.grantEnd(
            told: told,
            hasNewToken: hasNewToken,
            issuedAt: Self.issued + Self.day * 10,
            lifetime: .seconds(3_600),
            before: Self.facts(grantEnds: before)
        ).map { $0 - Self.issued }
    }

    @Test func `a grant that only lies idle begins anew with each use (Google)`() {
        #expect(Self.end(BuiltInProfiles.gdrive, before: Self.day * 180, hasNewToken: false) == Self.day * 190)
    }

    @Test func `a consent for seven days stays one for seven days, however often it is used`() {
        #expect(Self.end(BuiltInProfiles.gdrive, before: Self.day * 7, hasNewToken: false) == Self.day * 7)
    }

    @Test func `a grant begins anew with a new refresh token and not without one (Box)`() {
        #expect(Self.end(BuiltInProfiles.box, before: Self.day * 60, hasNewToken: true) == Self.day * 70)
        #expect(Self.end(BuiltInProfiles.box, before: Self.day * 60, hasNewToken: false) == Self.day * 60)
    }

    @Test func `an access grant of a year ends a year after it began (Huddle)`() {
        #expect(Self.end(BuiltInProfiles.huddle, before: Self.day * 365, hasNewToken: true) == Self.day * 365)
        let first = BuiltInProfiles.huddle.grantEnd(
            told: nil,
            hasNewToken: true,
            issuedAt: Self.issued,
            lifetime: .seconds(1_200),
            before: nil
        )
        #expect(first == Self.issued + Self.day * 365)
    }

    @Test func `what an answer tells goes before what is known`() {
        for profile in [BuiltInProfiles.gdrive, BuiltInProfiles.box, BuiltInProfiles.huddle, BuiltInProfiles.dropbox] {
            #expect(
                Self.end(profile, before: nil, told: .seconds(60), hasNewToken: true) == Self.day * 10 + .seconds(60)
            )
        }
        #expect(Self.end(BuiltInProfiles.dropbox, before: nil, hasNewToken: false) == nil)
    }

    @Test func `a grant that is the access token ends with it (Meta)`() {
        for profile in [BuiltInProfiles.facebook, BuiltInProfiles.instagram] {
            #expect(Self.end(profile, before: nil, hasNewToken: true) == Self.day * 10 + .seconds(3_600))
        }
    }

    // MARK: Scopes

    @Test(
        arguments: [
            ("facebook", "facebook", ["user_photos", "user_videos", "user_likes", "user_friends"]),
            ("gdrive", "gdrive", ["https://www.googleapis.com/auth/drive.readonly"]),
            ("onedrive-live", "skydrive", ["wl.offline_access", "wl.skydrive"]),
            ("onedrive", "skydrive", ["Files.Read"]),
            ("vkid", "vk", ["friends", "photos", "docs", "offline"]),
            ("vk-legacy", "vk", ["friends", "photos", "docs", "offline"]),
            // By the storage key where the profile is nobody's in particular.
            ("rfc6749", "gdrive", ["https://www.googleapis.com/auth/drive.readonly"]),
            ("box", "box", []), ("gdrive", "a-custom-key", []),
        ] as [(String, String, [String])]
    )
    func `each storage key needs the scopes of the specification`(profile: String, key: String, scopes: [String]) throws
    {
        let profile = try #require(ProfileCatalogue().profile(named: profile))
        #expect(RequiredPermissions.scopes(of: key, profile: profile) == scopes)
    }

    @Test func `what is missing is what was granted under none of its names`() {
        let live = RequiredPermissions.scopes(of: "skydrive")
        #expect(RequiredPermissions.missing(live, from: ["wl.skydrive", "wl.offline_access"]).isEmpty)
        #expect(RequiredPermissions.missing(live, from: ["onedrive.readonly", "offline_access"]).isEmpty)
        #expect(RequiredPermissions.missing(live, from: ["wl.skydrive"]) == ["wl.offline_access"])
        #expect(RequiredPermissions.missing(["Files.Read"], from: ["Files.Read.All"]).isEmpty)
        #expect(RequiredPermissions.missing(["Files.Read"], from: ["files.read"]) == ["Files.Read"])
        // Nothing was told, so nothing is known to be missing.
        #expect(RequiredPermissions.missing(live, from: []).isEmpty)
    }

    // MARK: Answers

    @Test func `Evernote's answer names its token and its end in milliseconds`() throws {
        let body =
            #"{"oauth_token":"S=s1:U=8fcd:E=15430d11503:canary","oauth_token_secret":"","edam_shard":"s1","#
            + #""edam_expires":"1461107889411"}"#
        let response = try TokenResponse(parsing: Array(body.utf8), profile: BuiltInProfiles.evernote)
        #expect(response.accessToken == Secret("S=s1:U=8fcd:E=15430d11503:canary"))
        #expect(response.expiresAt == Timestamp(milliseconds: 1_461_107_889_411))
        #expect(response.refreshToken == nil && response.notes.isEmpty)
        #expect(try TokenResponse(parsing: Array(body.utf8), profile: BuiltInProfiles.flickr).expiresAt == nil)
    }

    @Test(arguments: [#""1461107889""#, #""soon""#, "0", "-1", "true", "99999999999999999999"])
    func `a moment in another unit is no moment`(value: String) throws {
        let body = #"{"oauth_token":"canary-at","edam_expires":\#(value)}"#
        let response = try TokenResponse(parsing: Array(body.utf8), profile: BuiltInProfiles.evernote)
        #expect(response.expiresAt == nil)
        #expect(response.notes == ["the moment of expiry was not in milliseconds"])
    }

    @Test func `what is the same for all grants of a client may stand in its parameters`() throws {
        var profile = BuiltInProfiles.onedriveLive
        profile.extraParameters = ["redirect_uri": "https://localhost/callback"]
        let grant = Grant(refreshToken: Secret("canary-rt"))
        let body = try RefreshRequest.make(grant: grant, client: RefreshRequestTests.client(profile)).body.reveal()
        #expect(body.hasSuffix("&redirect_uri=https%3A%2F%2Flocalhost%2Fcallback"))
        #expect(body.split(separator: "&").count { $0.hasPrefix("redirect_uri=") } == 1)
        var own = grant
        own.bindings["redirect_uri"] = "https://own.test/"
        #expect(
            try RefreshRequest.make(grant: own, client: RefreshRequestTests.client(profile)).body.reveal()
                .hasSuffix("&redirect_uri=https%3A%2F%2Fown.test%2F")
        )
    }

    // MARK: Drift

    private static func drift(
        _ profile: ProviderProfile,
        refreshToken: String?,
        lifetime: Lifetime = .known(.seconds(3_600))
    ) -> [ProviderDrift.Aspect: ProviderDrift] {
        ProviderDrift.seen(
            in: NewToken(
                accessToken: Secret("canary-at"),
                tokenType: "Bearer",
                scope: nil,
                lifetime: lifetime,
                refreshToken: refreshToken.map { Secret($0) },
                grantLifetime: nil,
                withheld: nil,
                notes: []
            ),
            profile: profile
        )
    }

    @Test func `a provider that does what its profile says has not drifted`() {
        #expect(Self.drift(BuiltInProfiles.gdrive, refreshToken: nil).isEmpty)
        #expect(Self.drift(BuiltInProfiles.box, refreshToken: "canary-rt").isEmpty)
        // Random between 60 and 90 minutes, they say.
        #expect(
            Self.drift(BuiltInProfiles.onedrive, refreshToken: "canary-rt", lifetime: .known(.seconds(5_400))).isEmpty
        )
        #expect(Self.drift(BuiltInProfiles.rfc6749, refreshToken: nil).isEmpty)
        #expect(Self.drift(BuiltInProfiles.ellipsis, refreshToken: "canary-rt").isEmpty)
        #expect(Self.drift(BuiltInProfiles.box, refreshToken: "canary-rt", lifetime: .unknown).isEmpty)
    }

    @Test func `one that begins or ceases to rotate, or whose tokens live much longer or shorter, has`() {
        #expect(Self.drift(BuiltInProfiles.gdrive, refreshToken: "canary-rt") == [.rotation: .rotates])
        #expect(Self.drift(BuiltInProfiles.box, refreshToken: nil) == [.rotation: .rotatesNoMore])
        for seconds in [600, 7_300] {
            let drift = Self.drift(BuiltInProfiles.box, refreshToken: "canary-rt", lifetime: .known(.seconds(seconds)))
            #expect(drift == [.lifetime: .lifetime(.seconds(seconds), expected: .seconds(3_600))])
        }
        #expect(
            ProviderDrift.lifetime(.seconds(600), expected: .zero).isLike(.lifetime(.seconds(900), expected: .zero))
        )
        #expect(
            !ProviderDrift.lifetime(.seconds(600), expected: .zero).isLike(.lifetime(.seconds(60), expected: .zero))
        )
    }
}
