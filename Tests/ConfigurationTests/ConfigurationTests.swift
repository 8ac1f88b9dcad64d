import OAuth
import RefreshCore
import Testing

@testable import refreshd

@Suite struct ConfigurationTests {
    @Test func `an empty file means the defaults`() throws {
        let configuration = try FakeHost("").load()

        #expect(configuration.storePath == "/var/lib/refreshd/store.sqlite")
        #expect(configuration.keySource == .besideStore(path: "/var/lib/refreshd/store.key"))
        #expect(configuration.socketPath == "/run/refreshd/control.sock")
        #expect(configuration.maximumConnections == 4_096)
        #expect(configuration.maximumConnectionsPerUser == 256)
        #expect(configuration.clients.isEmpty)
        #expect(configuration.sinks.isEmpty)
        #expect(configuration.accessRules.isEmpty)
        #expect(configuration.logLevel == .info)
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.files == [FakeHost.main])
    }

    @Test func `what the files say is what the daemon is told`() throws {
        let configuration = try FakeHost(
            """
            [store]
            path = "/srv/tokens/db"
            key = { credential = "store-key" }
            [control]
            socket = "/run/other.sock"
            max_connections = 100
            [log]
            level = "debug"
            [policy]
            margin = "2m"
            mode = "lazy"
            [clients.own]
            client_id = "the-id"
            client_secret = { credential = "box-secret" }
            token_endpoint = "https://auth.example.com/token"
            revocation_endpoint = "https://auth.example.com/revoke"
            token_endpoint_auth_method = "client_secret_basic"
            scopes = ["a", "b"]
            parameters = { audience = "x" }
            rotation = "grace"
            grace = "30s"
            blast = "family"
            kills_access_token = true
            default_lifetime = "2h"
            margin = "90s"
            spread = 0.25
            limits = { rate = 50, concurrency = 16 }
            ca_file = "/etc/refreshd/ca.pem"
            """
        ).load()

        #expect(configuration.storePath == "/srv/tokens/db")
        let key = Secret("0123456789abcdef0123456789abcdef")
        #expect(configuration.keySource == .given(.credential("store-key"), key: key))
        #expect(configuration.socketPath == "/run/other.sock")
        #expect(configuration.maximumConnections == 100)
        #expect(configuration.maximumConnectionsPerUser == 100)
        #expect(configuration.logLevel == .debug)

        let configured = try #require(configuration.clients.first)
        #expect(configured.window == RefreshWindow(margin: .seconds(90), spread: 0.25))
        #expect(configured.mode == .lazy)
        #expect(configured.limits == LaneLimits(rate: 50, concurrency: 16))
        #expect(configured.caFile == "/etc/refreshd/ca.pem")
        #expect(configured.secretReference == .credential("box-secret"))
        let client = configured.client
        #expect(client.id.name == "own")
        #expect(client.clientID == "the-id")
        #expect(client.clientSecret == Secret("canary-client-secret"))
        #expect(client.authenticationMethod == .clientSecretBasic)
        #expect(client.tokenEndpoint == "https://auth.example.com/token")
        #expect(client.profile.revocationEndpoint == "https://auth.example.com/revoke")
        #expect(client.profile.scopes == ["a", "b"])
        #expect(client.profile.extraParameters == ["audience": "x"])
        #expect(client.profile.defaultLifetime == .seconds(7_200))
        #expect(
            client.profile.habit
                == RotationHabit(rotation: .grace, blast: .family, grace: .seconds(30), killsAccessToken: true)
        )
    }

    @Test func `a client's policy falls back to the common one key by key`() throws {
        let configuration = try FakeHost(
            "[policy]\nmargin = \"2m\"\nspread = 0.2\n" + Broken.client("spread = 0\nmode = \"lazy\"")
        ).load()

        let client = try #require(configuration.clients.first)
        #expect(client.window == RefreshWindow(margin: .seconds(120), spread: 0))
        #expect(client.mode == .lazy)
    }

    @Test func `a profile's template is filled with the domain, or with its own default`() throws {
        let configuration = try FakeHost(
            """
            [clients.one]
            profile = "smartfile"
            domain = "files.example.com"
            client_id = "id"
            [clients.two]
            profile = "smartfile"
            client_id = "id"
            [clients.three]
            profile = "onedrive"
            tenant = "contoso.example.com"
            client_id = "id"
            """
        ).load()

        let endpoints = Dictionary(
            uniqueKeysWithValues: configuration.clients.map { ($0.client.id.name, $0.client.tokenEndpoint) }
        )
        #expect(endpoints["one"] == "https://files.example.com/oauth2/token/")
        #expect(endpoints["two"] == "https://app.smartfile.com/oauth2/token/")
        #expect(endpoints["three"] == "https://login.microsoftonline.com/contoso.example.com/oauth2/v2.0/token")
    }

    @Test func `a client may say otherwise than its profile in everything that may change`() throws {
        let client = try #require(
            try FakeHost(
                """
                [clients.box]
                profile = "facebook"
                version = "v26.0"
                client_id = "id"
                client_secret = { credential = "box-secret" }
                revocation_endpoint = "https://graph.facebook.com/me/permissions"
                refresh_endpoint = "https://other.example.com/exchange"
                refresh_method = "post"
                storage_key = "own"
                required_scopes = ["user_photos"]
                grant_lifetime = "90d"
                grant_renewal = "never"
                refresh_ahead = "20d"
                minimum_age = "2d"
                """
            ).load().clients.first?.client
        )
        let profile = client.profile
        #expect(client.tokenEndpoint == "https://graph.facebook.com/v26.0/oauth/access_token")
        #expect(profile.authorizationEndpoint == "https://www.facebook.com/v26.0/dialog/oauth")
        #expect(profile.refreshEndpoint == "https://other.example.com/exchange")
        #expect(profile.refreshMethod == .post)
        #expect(profile.storageKey == "own" && profile.requiredScopes == ["user_photos"])
        #expect(profile.grantLifetime == .seconds(90 * 86_400) && profile.grantRenewal == .never)
        #expect(profile.refreshAhead == .seconds(20 * 86_400) && profile.minimumAge == .seconds(2 * 86_400))
    }

    @Test func `a rotation that spends nothing takes the blast away with it`() throws {
        let client = try #require(try FakeHost(Broken.client("rotation = \"none\"")).load().clients.first)

        #expect(
            client.client.profile.habit
                == RotationHabit(rotation: .none, blast: .none, grace: .zero, killsAccessToken: false)
        )
    }

    @Test func `a profile that cannot be refreshed needs no endpoint, identifier or secret`() throws {
        let configuration = try FakeHost("[clients.flickr]\nprofile = \"flickr\"\n").load()

        let client = try #require(configuration.clients.first?.client)
        #expect(client.tokenEndpoint == nil)
        #expect(client.authenticationMethod == .none)
        #expect(configuration.warnings.isEmpty)
    }

    @Test func `two clients may share an endpoint and an identifier`() throws {
        let second = Broken.client("").replacing("clients.box", with: "clients.box-2")

        #expect(
            try FakeHost(Broken.client("") + "\n" + second).load().clients.map(\.client.id.name) == ["box", "box-2"]
        )
    }

    @Test func `a client of a confidential profile without a secret is warned of, unless it says that it is public`()
        throws
    {
        let plain = "[clients.box]\nprofile = \"box\"\nclient_id = \"id\"\n"

        #expect(
            try FakeHost(plain).load().warnings == [
                "\(FakeHost.main):1: clients.box: there is no client_secret, so this is taken for a public client; "
                    + "token_endpoint_auth_method = \"none\" says that it is one"
            ]
        )
        #expect(try FakeHost(plain + "token_endpoint_auth_method = \"none\"\n").load().warnings.isEmpty)
    }

    @Test func `plain http to this machine is accepted when asked for, and warned of`() throws {
        let configuration = try FakeHost(
            Broken.client("insecure_loopback = true\ntoken_endpoint = \"http://127.0.0.1:8080/token\"")
        ).load()

        #expect(configuration.clients.first?.insecureLoopback == true)
        #expect(configuration.clients.first?.client.tokenEndpoint == "http://127.0.0.1:8080/token")
        #expect(
            configuration.warnings == [
                "\(FakeHost.main):5: clients.box.insecure_loopback: tokens may travel over plain http on this machine"
            ]
        )
    }

    @Test func `a sink takes each client's storage key from its profile, or its own for all`() throws {
        let text =
            Broken.sink("").replacing("clients = [\"box\"]", with: "clients = [\"box\", \"d\"]")
            + "\n[clients.d]\nprofile = \"dropbox\"\nclient_id = \"id\"\ntoken_endpoint_auth_method = \"none\"\n"
        let box = try ClientID("box")
        let dropbox = try ClientID("d")

        let sink = try #require(try FakeHost(text).load().sinks.first)
        #expect(sink.storageKeys == [box: "box", dropbox: "dropbox"])
        #expect(sink.url.text == "https://social.example.com/")
        #expect(sink.publicKey == "demo")
        #expect(sink.sendsRefreshToken == false)
        #expect(sink.missingPermissions == .refuse)

        let own = text.replacing("public_key", with: "storage_key = \"mine\"\npublic_key")
        #expect(try FakeHost(own).load().sinks.first?.storageKeys == [box: "mine", dropbox: "mine"])
    }

    @Test func `refresh tokens go along when they were asked for, and single-use ones when they were asked for twice`()
        throws
    {
        let both = Broken.sink("send_refresh_token = true\nsend_single_use_refresh_token = true")
        #expect(try FakeHost(both).load().sinks.first?.sendsRefreshToken == true)

        let reusable = Broken.sink("send_refresh_token = true").replacing(
            "profile = \"box\"",
            with: "profile = \"dropbox\""
        )
        #expect(try FakeHost(reusable).load().sinks.first?.sendsRefreshToken == true)
    }

    @Test func `a rule holds numbers, whatever it was written with`() throws {
        let text = Broken.client(
            """
            [[access]]
            users = ["app", 7, "8"]
            groups = ["www-data"]
            accounts = ["box/*", "box/alice"]
            allow = ["token", "watch"]
            """
        )

        let rule = try #require(try FakeHost(text).load().accessRules.first)
        #expect(rule.users == [1_000, 7, 8])
        #expect(rule.groups == [33])
        #expect(rule.accounts.map(\.text) == ["box/*", "box/alice"])
        #expect(rule.allow == [.token, .watch])
    }

    @Test func `a rule for a client that does not exist is warned of`() throws {
        let configuration = try FakeHost(Broken.access(accounts: #"["bxo/*", "*"]"#)).load()

        #expect(
            configuration.warnings == [
                "\(FakeHost.main):7: access[0].accounts[0]: matches nothing, for there is no such client"
            ]
        )
    }

    @Test func `everything that is wrong is found at once, in the order of files and lines`() {
        var host = FakeHost(
            """
            [store]
            pth = "/x"
            [policy]
            margin = "soon"
            mode = 5
            [clients.box]
            profile = "bux"
            client_id = ""
            [sinks.up]
            type = "set-keys"
            url = "ftp://a.example.com"
            clients = ["box", "gone"]
            [[access]]
            users = ["ghost"]
            accounts = ["box/*"]
            allow = ["tokens"]
            """
        )
        host.files["/etc/refreshd/conf.d/10-log.toml"] = FakeHost.File(text: "[log]\nlevel = 3\n")
        host.files["/etc/refreshd/conf.d/20-broken.toml"] = FakeHost.File(text: "= 3\n")
        host.files["/etc/refreshd/providers.d/acme.toml"] = FakeHost.File(text: "strategy = \"magic\"\n")

        let found = host.complaints().map {
            $0.split(separator: ": ").prefix(2).joined(separator: ": ").prefix { $0 != "(" }
        }
        #expect(
            found == [
                "/etc/refreshd/conf.d/10-log.toml:2: log.level",
                "/etc/refreshd/conf.d/20-broken.toml:1: is not TOML ",
                "/etc/refreshd/providers.d/acme.toml:1: strategy",
                "\(FakeHost.main):2: store.pth", "\(FakeHost.main):4: policy.margin", "\(FakeHost.main):5: policy.mode",
                "\(FakeHost.main):7: clients.box.profile", "\(FakeHost.main):8: clients.box.client_id",
                "\(FakeHost.main):9: sinks.up.public_key", "\(FakeHost.main):11: sinks.up.url",
                "\(FakeHost.main):12: sinks.up.clients[1]", "\(FakeHost.main):14: access[0].users[0]",
                "\(FakeHost.main):16: access[0].allow[0]",
            ]
        )
    }
}
