import OAuth
import RefreshCore
import Testing

@testable import refreshd

@Suite struct ConfigurationSourcesTests {
    private static let first = "/etc/refreshd/conf.d/10-first.toml"
    private static let second = "/etc/refreshd/conf.d/20-second.toml"

    @Test func `without a main file the path and the way to one are named`() {
        #expect(
            FakeHost().complaints() == [
                "\(FakeHost.main): there is no configuration; "
                    + "copy the commented example, etc/refreshd/refreshd.toml of the sources, to this place"
            ]
        )
    }

    @Test func `drop-ins are laid over the main file by key, and the later one wins`() throws {
        var host = FakeHost(
            Broken.client(
                "limits = { rate = 5, concurrency = 5 }\n[log]\nlevel = \"error\"\n[control]\nmax_connections = 7"
            )
        )
        host.files[Self.second] = FakeHost.File(text: "[log]\nlevel = \"debug\"\n[clients.box.limits]\nrate = 9\n")
        host.files[Self.first] = FakeHost.File(text: "[log]\nlevel = \"trace\"\n[policy]\nmode = \"lazy\"\n")

        let configuration = try host.load()
        #expect(configuration.logLevel == .debug)
        #expect(configuration.maximumConnections == 7)
        #expect(configuration.clients.first?.mode == .lazy)
        #expect(configuration.clients.first?.limits == LaneLimits(rate: 9, concurrency: 5))
        #expect(configuration.files == [FakeHost.main, Self.first, Self.second])
    }

    @Test func `lists are replaced, but rules add up`() throws {
        var host = FakeHost(
            Broken.access() + "\n[clients.box.limits]\n[clients.b]\nprofile = \"flickr\"\nscopes = [\"a\"]\n"
        )
        host.files[Self.first] = FakeHost.File(
            text: "[clients.b]\nscopes = [\"b\"]\n[[access]]\ngroups = [5]\naccounts = [\"b/*\"]\nallow = [\"read\"]\n"
        )

        let configuration = try host.load()
        #expect(configuration.clients.first?.client.profile.scopes == ["b"])
        #expect(configuration.accessRules.map(\.allow) == [.token, .read])
    }

    @Test func `a drop-in that names another place for a secret replaces the place`() throws {
        var host = FakeHost(Broken.client(""))
        host.secrets[.file("/etc/refreshd/secret")] = FakeHost.secret("canary-other-secret")
        host.files[Self.first] = FakeHost.File(
            text: "[clients.box]\nclient_secret = { file = \"/etc/refreshd/secret\" }\n"
        )

        let client = try #require(try host.load().clients.first)
        #expect(client.secretReference == .file("/etc/refreshd/secret"))
        #expect(client.client.clientSecret == Secret("canary-other-secret"))
    }

    @Test func `an error in a drop-in names the drop-in`() {
        var host = FakeHost("[log]\nlevel = \"info\"\n")
        host.files[Self.first] = FakeHost.File(text: "\n[log]\nlevel = 1\n")
        host.files[Self.second] = FakeHost.File(
            text: "[[access]]\nusers = [1]\naccounts = [\"a\"]\nallow = [\"read\"]\n"
        )

        #expect(
            host.complaints() == [
                "\(Self.first):3: log.level: is a number, but must be text; write it in quotes",
                "\(Self.second):3: access[0].accounts[0]: can match no account; write CLIENT/SUBJECT, like \"gdrive/*\"",
            ]
        )
    }

    @Test func `what drop-ins lack because the main file cannot be read is not complained of`() {
        var host = FakeHost("= 1")
        host.files[Self.first] = FakeHost.File(text: "[clients.box.limits]\nrate = 5\n")
        host.files[Self.second] = FakeHost.File(text: "also = = broken\n")

        #expect(host.complaints().map { String($0.prefix { $0 != ":" }) } == [Self.second, FakeHost.main])
    }

    @Test func `only names that end in .toml count, and hidden ones do not`() throws {
        var host = FakeHost("")
        for name in ["README", "x.toml.bak", ".x.toml", "x.conf"] {
            host.files["/etc/refreshd/conf.d/\(name)"] = FakeHost.File(text: "nonsense")
        }

        #expect(try host.load().files == [FakeHost.main])
    }

    @Test(arguments: [
        (
            FileFacts(owner: 1_000, permissions: 0o644),
            "belongs to neither root nor the user of the service; chown it to root"
        ),
        (FileFacts(owner: 0, permissions: 0o664), "can be written by its group or by others; chmod go-w it"),
        (FileFacts(owner: 0, permissions: 0o646), "can be written by its group or by others; chmod go-w it"),
        (FileFacts(isRegular: false, owner: 0, permissions: 0o644), "is not a regular file; put a file there"),
    ])
    func `a file that somebody else could have written is not believed`(facts: FileFacts, complaint: String) {
        for path in [FakeHost.main, Self.first, "/etc/refreshd/providers.d/acme.toml"] {
            var host = FakeHost("")
            host.files[path] = FakeHost.File(text: "[log]\nlevel = \"canary-never-read\"\n", facts: facts)
            #expect(host.complaints() == ["\(path): \(complaint)"])
        }
    }

    @Test(arguments: [FileFacts(owner: 0, permissions: 0o600), FileFacts(owner: FakeHost.service, permissions: 0o644)])
    func `a file of root or of the service is believed`(facts: FileFacts) throws {
        var host = FakeHost("")
        host.files[FakeHost.main] = FakeHost.File(text: "[log]\nlevel = \"debug\"\n", facts: facts)

        #expect(try host.load().logLevel == .debug)
    }

    @Test func `private roots that others could have written are not trusted`() {
        var host = FakeHost(Broken.client("ca_file = \"/etc/refreshd/ca.pem\""))
        host.files["/etc/refreshd/ca.pem"]?.facts.permissions = 0o666

        #expect(
            host.complaints() == [
                "\(FakeHost.main):5: clients.box.ca_file: the file can be written by its group or by others; chmod go-w it"
            ]
        )
    }

    @Test func `an own profile is found by the name of its file, and may replace a built-in one`() throws {
        var host = FakeHost(
            "[clients.a]\nprofile = \"acme\"\ndomain = \"a.example.com\"\nclient_id = \"id\"\n"
                + "token_endpoint_auth_method = \"none\"\n" + Broken.client("")
        )
        host.files["/etc/refreshd/providers.d/acme.toml"] = FakeHost.File(
            text: "token_endpoint = \"https://{domain}/token\"\nrotation = \"parallel\"\nstorage_key = \"acme\"\n"
        )
        host.files["/etc/refreshd/providers.d/box.toml"] = FakeHost.File(
            text: "token_endpoint = \"https://box.example.com/token\"\n"
        )

        let clients = try host.load().clients.map(\.client)
        #expect(clients.map(\.tokenEndpoint) == ["https://a.example.com/token", "https://box.example.com/token"])
        #expect(clients.first?.profile.habit.rotation == .parallel)
        #expect(clients.last?.profile.habit.rotation == .unknown)
    }

    @Test(arguments: [
        (
            "token_endpoint = \"https://{host}/token\"",
            ":1: token_endpoint: has a placeholder that is not known; use {domain}, {tenant} and {version} only"
        ),
        (
            "token_endpoint = \"https://a_b/token\"",
            ":1: token_endpoint: the host is neither a name nor an IP address; correct the address"
        ),
        (
            "placeholder_defaults = { tenant = \"x\" }",
            ":1: placeholder_defaults.tenant: stands in no endpoint; remove it, or write {tenant} in an endpoint"
        ),
        ("client_secret = \"canary-secret\"", ":1: client_secret: no such key; use one of access_token_member"),
        ("scope_separator = \";\"", ":1: scope_separator: is not a word that is known here; use one of comma, space"),
        (
            "[[error_rules]]\nmeaning = \"temporary\"",
            ":1: error_rules[0]: matches nothing; add code, description_contains, number or subnumber"
        ),
        (
            "[[error_rules]]\ncode = \"x\"",
            ":1: error_rules[0].meaning: is missing; use one of dead_grant, client_rejected, temporary, too_fast"
        ),
    ])
    func `a broken profile is an error though no client uses it`(text: String, complaint: String) throws {
        var host = FakeHost("")
        let path = "/etc/refreshd/providers.d/acme.toml"
        host.files[path] = FakeHost.File(text: text)

        let complaints = host.complaints()
        #expect(complaints.count == 1)
        #expect(try #require(complaints.first).hasPrefix(path + complaint))
    }

    @Test func `plain http in an own profile is the client's to permit`() throws {
        var host = FakeHost(
            "[clients.a]\nprofile = \"acme\"\nclient_id = \"id\"\ntoken_endpoint_auth_method = \"none\"\n"
        )
        host.files["/etc/refreshd/providers.d/acme.toml"] = FakeHost.File(
            text: "token_endpoint = \"http://127.0.0.1/token\"\n"
        )

        #expect(
            host.complaints() == [
                "\(FakeHost.main):2: clients.a.profile: makes no good token_endpoint: plain http is for 127.0.0.1 and [::1] "
                    + "only, with insecure_loopback = true; correct it"
            ]
        )
        host.files[FakeHost.main]?.text += "insecure_loopback = true\n"
        #expect(try host.load().clients.first?.client.tokenEndpoint == "http://127.0.0.1/token")
    }
}
