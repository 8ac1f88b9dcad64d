import Testing

@testable import refreshd

/// A configuration with one thing wrong, and all that is said of it.
struct Broken: Sendable, CustomTestStringConvertible {
    var what: String
    var text: String
    /// After the path of the main file.
    var complaint: String

    init(_ what: String, _ text: String, _ complaint: String) {
        self.what = what
        self.text = text
        self.complaint = complaint
    }

    var testDescription: String { self.what }

    /// A client that is good, on four lines, and something after it.
    static func client(_ rest: String) -> String {
        """
        [clients.box]
        profile = "box"
        client_id = "id"
        client_secret = { credential = "box-secret" }
        \(rest)
        """
    }

    /// The same and a sink that is good, on the lines 5 to 9.
    static func sink(_ rest: String) -> String {
        Self.client(
            """
            [sinks.up]
            type = "set-keys"
            url = "https://social.example.com"
            public_key = "demo"
            clients = ["box"]
            \(rest)
            """
        )
    }

    /// The same client and a rule that is good but for what is put after it.
    static func access(
        users: String = #"["app"]"#,
        accounts: String = #"["box/*"]"#,
        allow: String = #"["token"]"#
    ) -> String {
        Self.client(
            """
            [[access]]
            users = \(users)
            accounts = \(accounts)
            allow = \(allow)
            """
        )
    }
}

@Suite struct BrokenConfigurationTests {
    @Test(arguments: Self.texts + Self.stores + Self.clients + Self.sinks + Self.rules)
    func `what is wrong is named with file, line, key and remedy, and nothing else is said`(broken: Broken) {
        #expect(FakeHost(broken.text).complaints() == [FakeHost.main + broken.complaint])
    }

    static let texts: [Broken] = [
        Broken(
            "the header [=]",
            "[store]\n[=]\n",
            ":2: there is a table header without a name; write [name], or [[name]] for a list of tables"
        ),
        Broken(
            "the header [.a]",
            "[store]\n[.a]\n",
            ":2: there is a table header without a name; write [name], or [[name]] for a list of tables"
        ),
        Broken(
            "the header [[.a]]",
            "[store]\n[[.a]]\n",
            ":2: there is a table header without a name; write [name], or [[name]] for a list of tables"
        ),
        Broken(
            "the header [",
            "[store]\n[\n",
            ":2: there is a table header without a name; write [name], or [[name]] for a list of tables"
        ),
        Broken(
            "the header [€]",
            "[store]\n[€]\n",
            ":2: there is a table header without a name; write [name], or [[name]] for a list of tables"
        ),
        Broken(
            "the header [#]",
            "[store]\n[#]\n",
            ":2: there is a table header without a name; write [name], or [[name]] for a list of tables"
        ),
        Broken(
            "no TOML",
            "[store]\npath = /var/lib\n",
            ":2: is not TOML (could not determine value type); see the example file for how a value is written; texts stand in quotes"
        ),
        Broken(
            "a table twice",
            "[store]\n[log]\n[store]\n",
            ":3: is not TOML (cannot redefine existing table); see the example file for how a value is written; texts stand in quotes"
        ),
        Broken(
            "an escaped NUL",
            "[store]\n\npath = \"/var\\u0000/lib\"\n",
            ":3: there is a NUL character; remove it; an escaped one counts too"
        ),
        Broken("an unknown table", "[stor]\npath = \"/x\"\n", ":1: stor: no such key; did you mean store?"),
        Broken("an unknown key", "[store]\npth = \"/x\"\n", ":2: store.pth: no such key; did you mean path?"),
        Broken(
            "an unknown key like no other",
            "[log]\n\n# why\ncolour = true\n",
            ":4: log.colour: no such key; use one of level"
        ),
        Broken(
            "a key instead of a table",
            "log = \"debug\"\n",
            ":1: log: is text, but must be a table; write [log] and its keys below"
        ),
    ]

    static let stores: [Broken] = [
        Broken(
            "a number for a path",
            "[store]\npath = 5\n",
            ":2: store.path: is a number, but must be text; write it in quotes"
        ),
        Broken(
            "a relative path",
            "[store]\npath = \"store.sqlite\"\n",
            ":2: store.path: is not an absolute path; begin it with /"
        ),
        Broken(
            "an empty path",
            "[store]\npath = \"\"\n",
            ":2: store.path: is empty; write a value or remove the key"
        ),
        Broken(
            "a key in the configuration itself",
            "[store]\nkey = \"canary-key\"\n",
            ":2: store.key: a secret must not stand in the configuration itself; "
                + "write { credential = \"name\" } or { file = \"/…\" }, and replace the secret"
        ),
        Broken(
            "a key that is none",
            "[store]\nkey = { credential = \"box-secret\" }\n",
            ":2: store.key: names something that is not a key; "
                + "a key is 32 bytes, or 64 hexadecimal digits, or 44 characters of base64"
        ),
        Broken(
            "a socket path that fits no socket",
            "[control]\nsocket = \"/\(String(repeating: "s", count: 107))\"\n",
            ":2: control.socket: is longer than 107 bytes; use a shorter path"
        ),
        Broken(
            "no connections",
            "[control]\nmax_connections = 0\n",
            ":2: control.max_connections: is out of range; use 1 to 1000000"
        ),
        Broken(
            "more connections for one user than for all",
            "[control]\nmax_connections = 10\nmax_connections_per_user = 20\n",
            ":3: control.max_connections_per_user: is more than max_connections; use at most 10"
        ),
        Broken(
            "a duration without a unit",
            "[policy]\nmargin = 300\n",
            ":2: policy.margin: is a number, but must be a duration; "
                + "write a number and its unit in quotes: \"500ms\", \"90s\", \"5m\", \"2h\" or \"30d\""
        ),
        Broken(
            "a duration in words",
            "[policy]\nmargin = \"five minutes\"\n",
            ":2: policy.margin: is not a duration; "
                + "write a number and its unit in quotes: \"500ms\", \"90s\", \"5m\", \"2h\" or \"30d\""
        ),
        Broken(
            "a margin of two days",
            "[policy]\nmargin = \"2d\"\n",
            ":2: policy.margin: is out of range; use 0s to 1d"
        ),
        Broken("a spread of 1", "[policy]\nspread = 1\n", ":2: policy.spread: is out of range; use 0.0 to 0.5"),
        Broken(
            "a spread that is no number",
            "[policy]\nspread = nan\n",
            ":2: policy.spread: is out of range; use 0.0 to 0.5"
        ),
        Broken(
            "an unknown mode",
            "[policy]\nmode = \"eagre\"\n",
            ":2: policy.mode: is not a word that is known here; did you mean eager?"
        ),
        Broken(
            "an unknown level",
            "[log]\nlevel = \"loud\"\n",
            ":2: log.level: is not a word that is known here; "
                + "use one of critical, debug, error, info, notice, trace, warning"
        ),
    ]

    static let clients: [Broken] = [
        Broken(
            "a client's name in capitals",
            "[clients.Box]\nprofile = \"box\"\nclient_id = \"id\"\ntoken_endpoint_auth_method = \"none\"\n",
            ":1: clients.Box: is not a name; use at most 64 of a-z, 0-9, _ and -, with a letter or digit first"
        ),
        Broken(
            "clients as a list",
            "clients = [\"box\"]\n",
            ":1: clients: is a list, but must be a table; write [clients.NAME] and its keys below"
        ),
        Broken(
            "an unknown profile",
            "[clients.a]\nprofile = \"dropbx\"\nclient_id = \"id\"\n",
            ":2: clients.a.profile: there is no profile of this name, built in or in providers.d; did you mean dropbox?"
        ),
        Broken(
            "no client_id",
            "[clients.box]\nprofile = \"box\"\ntoken_endpoint_auth_method = \"none\"\n",
            ":1: clients.box.client_id: is missing; write the identifier that the provider gave to this client"
        ),
        Broken(
            "a secret in the configuration itself",
            "[clients.box]\nprofile = \"box\"\nclient_id = \"id\"\nclient_secret = \"canary-secret\"\n",
            ":4: clients.box.client_secret: a secret must not stand in the configuration itself; "
                + "write { credential = \"name\" } or { file = \"/…\" }, and replace the secret"
        ),
        Broken(
            "a secret from two places",
            "[clients.box]\nprofile = \"box\"\nclient_id = \"id\"\n"
                + "client_secret = { credential = \"box-secret\", file = \"/x\" }\n",
            ":4: clients.box.client_secret: needs one of credential and file; "
                + "write { credential = \"name\" } or { file = \"/…\" }"
        ),
        Broken(
            "a credential that leads out of its folder",
            "[clients.box]\nprofile = \"box\"\nclient_id = \"id\"\nclient_secret = { credential = \"../shadow\" }\n",
            ":4: clients.box.client_secret.credential: is not a name of a credential; use letters, digits, '-', '_' and '.'"
        ),
        Broken(
            "a secret by another kind of reference",
            "[clients.box]\nprofile = \"box\"\nclient_id = \"id\"\nclient_secret = { credential = \"box-secret\", env = \"X\" }\n",
            ":4: clients.box.client_secret.env: no such key; use one of credential, file"
        ),
        Broken(
            "a file for a secret that is not there",
            "[clients.box]\nprofile = \"box\"\nclient_id = \"id\"\nclient_secret = { file = \"/nowhere\" }\n",
            ":4: clients.box.client_secret: names a file that does not exist; create it, or correct the path"
        ),
        Broken(
            "no token endpoint",
            "[clients.own]\nclient_id = \"id\"\ntoken_endpoint_auth_method = \"none\"\n",
            ":1: clients.own.token_endpoint: is missing, for the profile has none; "
                + "name the provider's token endpoint, or a profile that has one"
        ),
        Broken(
            "an endpoint over http",
            Broken.client("token_endpoint = \"http://auth.example.com/token\""),
            ":5: clients.box.token_endpoint: plain http is for 127.0.0.1 and [::1] only, with insecure_loopback = true; "
                + "correct the address"
        ),
        Broken(
            "http to another host in spite of insecure_loopback",
            Broken.client("insecure_loopback = true\ntoken_endpoint = \"http://auth.example.com/token\""),
            ":6: clients.box.token_endpoint: plain http is for 127.0.0.1 and [::1] only, with insecure_loopback = true; "
                + "correct the address"
        ),
        Broken(
            "an endpoint with a password",
            Broken.client("token_endpoint = \"https://me:canary-password@auth.example.com/token\""),
            ":5: clients.box.token_endpoint: the address must not hold a user name or a password; correct the address"
        ),
        Broken(
            "an endpoint with a placeholder",
            Broken.client("token_endpoint = \"https://{domain}/token\""),
            ":5: clients.box.token_endpoint: the address holds a character that must be percent-encoded; correct the address"
        ),
        Broken(
            "no domain where the host is the customer's",
            "[clients.git]\nprofile = \"gitshare\"\nclient_id = \"id\"\ntoken_endpoint_auth_method = \"none\"\n",
            ":1: clients.git.domain: is missing, for the provider's host is the customer's; write domain = \"…\""
        ),
        Broken(
            "a domain where the host is the provider's",
            Broken.client("domain = \"files.example.com\""),
            ":5: clients.box.domain: means nothing to this profile; remove it, or name the endpoints themselves"
        ),
        Broken(
            "an address for a domain",
            "[clients.git]\nprofile = \"gitshare\"\ndomain = \"https://git.example.com\"\nclient_id = \"id\"\n",
            ":3: clients.git.domain: is not a host name; use letters, digits, dots and hyphens only, without https://"
        ),
        Broken(
            "a domain that is no host",
            "[clients.git]\nprofile = \"gitshare\"\ndomain = \"-git.example.com\"\nclient_id = \"id\"\n",
            ":3: clients.git.domain: makes no good token_endpoint: the host is neither a name nor an IP address; correct it"
        ),
        Broken(
            "a method that needs a secret, and none",
            "[clients.box]\nprofile = \"box\"\nclient_id = \"id\"\ntoken_endpoint_auth_method = \"client_secret_basic\"\n",
            ":4: clients.box.token_endpoint_auth_method: needs a client_secret, and there is none; "
                + "add client_secret = { credential = \"name\" }, or use none"
        ),
        Broken(
            "a secret that is never sent",
            Broken.client("token_endpoint_auth_method = \"none\""),
            ":4: clients.box.client_secret: is never sent with token_endpoint_auth_method = \"none\"; remove one of the two"
        ),
        Broken(
            "a secret for a profile without one",
            "[clients.vk]\nprofile = \"vkid\"\nclient_id = \"id\"\nclient_secret = { credential = \"box-secret\" }\n",
            ":4: clients.vk.client_secret: is never sent, for the profile is for clients without a secret; "
                + "remove it, or set token_endpoint_auth_method"
        ),
        Broken(
            "an unknown method",
            Broken.client("token_endpoint_auth_method = \"private_key_jwt\""),
            ":5: clients.box.token_endpoint_auth_method: is not a word that is known here; "
                + "use one of client_secret_basic, client_secret_post, none"
        ),
        Broken(
            "a letter for a rotation",
            Broken.client("rotation = \"S\""),
            ":5: clients.box.rotation: is not a word that is known here; "
                + "use one of grace, none, on_use, parallel, single_use, unknown"
        ),
        Broken(
            "grace without its rotation",
            Broken.client("grace = \"30s\""),
            ":5: clients.box.grace: has no meaning without rotation = \"grace\"; remove it, or set the rotation"
        ),
        Broken(
            "a rotation without its grace",
            Broken.client("rotation = \"grace\""),
            ":1: clients.box.grace: is missing, for rotation = \"grace\"; write how long the old refresh token stays good"
        ),
        Broken(
            "an unknown blast",
            Broken.client("blast = \"everything\""),
            ":5: clients.box.blast: is not a word that is known here; use one of client_user, family, none"
        ),
        Broken(
            "scopes in one text",
            Broken.client("scopes = \"a b\""),
            ":5: clients.box.scopes: is text, but must be a list; write it in brackets: [\"…\", \"…\"]"
        ),
        Broken(
            "two scopes in one item",
            Broken.client("scopes = [\n  \"a\",\n  \"b c\",\n]"),
            ":5: clients.box.scopes[1]: is not a scope; write each scope as an item of its own, without blanks"
        ),
        Broken(
            "a parameter of ours",
            Broken.client("parameters = { client_secret = \"canary-secret\" }"),
            ":5: clients.box.parameters.client_secret: this parameter is set by refreshd itself; "
                + "remove it; a secret is named by client_secret"
        ),
        Broken(
            "a number for a parameter",
            Broken.client("[clients.box.parameters]\naudience = 5"),
            ":6: clients.box.parameters.audience: is a number, but must be text; write it in quotes"
        ),
        Broken(
            "a rate of nothing",
            Broken.client("limits = { rate = 0 }"),
            ":5: clients.box.limits.rate: is out of range; use 0.001 to 100000.0"
        ),
        Broken(
            "half a request in flight",
            Broken.client("limits = { concurrency = 0.5 }"),
            ":5: clients.box.limits.concurrency: is a number, but must be a whole number; write digits without quotes"
        ),
        Broken(
            "a misspelt limit",
            Broken.client("[clients.box.limits]\nconcurency = 5"),
            ":6: clients.box.limits.concurency: no such key; did you mean concurrency?"
        ),
        Broken(
            "private roots that are not there",
            Broken.client("ca_file = \"/nowhere.pem\""),
            ":5: clients.box.ca_file: the file cannot be read; create it, or let the user of the service read it"
        ),
        Broken(
            "private roots that are something else",
            Broken.client("ca_file = \"\(FakeHost.main)\""),
            ":5: clients.box.ca_file: the file holds no certificate; name a file of certificates in PEM form"
        ),
        Broken(
            "a word for true",
            Broken.client("insecure_loopback = \"yes\""),
            ":5: clients.box.insecure_loopback: is text, but must be true or false; write it without quotes"
        ),
        Broken(
            "a lifetime of nothing",
            Broken.client("default_lifetime = \"0s\""),
            ":5: clients.box.default_lifetime: is out of range; use 1s to 3650d"
        ),
    ]

    static let sinks: [Broken] = [
        Broken(
            "a sink of no type",
            Broken.client("[sinks.up]\nurl = \"https://a.example.com\"\npublic_key = \"demo\"\nclients = [\"box\"]"),
            ":5: sinks.up.type: is missing; write type = \"set-keys\", \"file\" or \"command\""
        ),
        Broken(
            "a command sink without a command",
            Broken.client("[sinks.up]\ntype = \"command\"\nclients = [\"box\"]"),
            ":5: sinks.up.command: is missing; write the program and its arguments as a list"
        ),
        Broken(
            "a command that is looked for in some path",
            Broken.client("[sinks.up]\ntype = \"command\"\ncommand = [\"hook\"]\nclients = [\"box\"]"),
            ":7: sinks.up.command: cannot be run; a command begins with an absolute path"
        ),
        Broken(
            "a command that may run for ever",
            Broken.client(
                "[sinks.up]\ntype = \"command\"\ncommand = [\"/hook\"]\ntimeout = \"1h\"\nclients = [\"box\"]"
            ),
            ":8: sinks.up.timeout: is out of range; use 1s to 10m"
        ),
        Broken(
            "one file for all accounts",
            Broken.client("[sinks.up]\ntype = \"file\"\npath = \"/srv/token\"\nclients = [\"box\"]"),
            ":7: sinks.up.path: is not good for tokens; the path of a file sink is absolute and has {account} once, in the file's name"
        ),
        Broken(
            "a file that everybody may read",
            Broken.client(
                "[sinks.up]\ntype = \"file\"\npath = \"/srv/{account}\"\nmode = \"0644\"\nclients = [\"box\"]"
            ),
            ":8: sinks.up.mode: is not a word that is known here; did you mean 0640?"
        ),
        Broken(
            "a file for nobody there is",
            Broken.client(
                "[sinks.up]\ntype = \"file\"\npath = \"/srv/{account}\"\nowner = \"nemo\"\nclients = [\"box\"]"
            ),
            ":8: sinks.up.owner: there is no user of this name; create the user, correct the name, or write a number"
        ),
        Broken(
            "a variable without an assignment",
            Broken.client(
                "[sinks.up]\ntype = \"file\"\npath = \"/srv/{account}\"\nvariable = \"T\"\nclients = [\"box\"]"
            ),
            ":8: sinks.up.variable: has no meaning without format = \"env\"; remove it, or set the format"
        ),
        Broken(
            "a variable that no shell takes",
            Broken.client(
                "[sinks.up]\ntype = \"file\"\npath = \"/srv/{account}\"\nformat = \"env\"\nvariable = \"A-B\"\nclients = [\"box\"]"
            ),
            ":9: sinks.up.variable: is not a variable's name; use letters, digits and _, and no digit first"
        ),
        Broken(
            "a command sink with another type's keys",
            Broken.client(
                "[sinks.up]\ntype = \"command\"\ncommand = [\"/hook\"]\nmode = \"0600\"\nclients = [\"box\"]"
            ),
            ":8: sinks.up.mode: no such key; use one of clients, command, format, timeout, type, variable"
        ),
        Broken(
            "delivery by hand-off, and no socket for it",
            Broken.sink("delivery = \"handoff\""),
            ":10: sinks.up.delivery: needs a socket for the site's proxy; write socket = \"/…\" under [handoff]"
        ),
        Broken(
            "a hand-off socket of a group that is not there",
            Broken.client("[handoff]\nsocket = \"/run/refreshd/handoff.sock\"\ngroup = \"nogroup-here\""),
            ":7: handoff.group: there is no group of this name; name the group of the site's proxy"
        ),
        Broken(
            "a hand-off socket that is open in another way",
            Broken.client("[handoff]\nsocket = \"/run/refreshd/handoff.sock\"\nmode = \"0777\""),
            ":7: handoff.mode: is not a word that is known here; use one of 0660, 0666"
        ),
        Broken(
            "a group of no hand-off socket",
            Broken.client("[handoff]\nmode = \"0660\""),
            ":6: handoff.mode: has no effect without a socket; write socket = \"/run/refreshd/handoff.sock\""
        ),
        Broken(
            "a sink without an address, a key and clients",
            Broken.client("[sinks.up]\ntype = \"set-keys\"\npublic_key = \"demo\"\nclients = [\"box\"]"),
            ":5: sinks.up.url: is missing; write the address of the third party"
        ),
        Broken(
            "a sink with a query",
            Broken.client(
                "[sinks.up]\ntype = \"set-keys\"\nurl = \"https://a.example.com/?a=b\"\npublic_key = \"demo\"\nclients = [\"box\"]"
            ),
            ":7: sinks.up.url: the address of a sink must not have a query; remove it from the question mark on"
        ),
        Broken(
            "a sink over http",
            Broken.client(
                "[sinks.up]\ntype = \"set-keys\"\nurl = \"http://127.0.0.1:1/\"\npublic_key = \"demo\"\nclients = [\"box\"]"
            ),
            ":7: sinks.up.url: plain http is for 127.0.0.1 and [::1] only, with insecure_loopback = true; correct the address"
        ),
        Broken(
            "no public key",
            Broken.client("[sinks.up]\ntype = \"set-keys\"\nurl = \"https://a.example.com\"\nclients = [\"box\"]"),
            ":5: sinks.up.public_key: is missing; write the public key of the project that tokens go to"
        ),
        Broken(
            "a storage key of two segments",
            Broken.sink("storage_key = \"box/../gdrive\""),
            ":10: sinks.up.storage_key: is not one word; use 1 to 64 letters, digits, hyphens and underscores"
        ),
        Broken(
            "a sink for nobody",
            Broken.client(
                "[sinks.up]\ntype = \"set-keys\"\nurl = \"https://a.example.com\"\npublic_key = \"demo\"\nclients = []"
            ),
            ":9: sinks.up.clients: names no client; write the clients whose accounts are delivered"
        ),
        Broken(
            "a sink for an unknown client",
            Broken.client(
                "[sinks.up]\ntype = \"set-keys\"\nurl = \"https://a.example.com\"\npublic_key = \"demo\"\nclients = [\"bxo\", \"box\"]"
            ),
            ":9: sinks.up.clients[0]: there is no client of this name; did you mean box?"
        ),
        Broken(
            "a sink for one client twice",
            Broken.client(
                "[sinks.up]\ntype = \"set-keys\"\nurl = \"https://a.example.com\"\npublic_key = \"demo\"\nclients = [\"box\", \"box\"]"
            ),
            ":9: sinks.up.clients[1]: is named twice; remove one of the two"
        ),
        Broken(
            "no storage key anywhere",
            "[clients.e]\nprofile = \"ellipsis\"\nclient_id = \"id\"\n[sinks.up]\ntype = \"set-keys\"\n"
                + "url = \"https://a.example.com\"\npublic_key = \"demo\"\nclients = [\"e\"]\n",
            ":4: sinks.up.storage_key: is missing, for the profile of client e has none; "
                + "write the key under which the third party knows the provider"
        ),
        Broken(
            "refresh tokens that can be used only once",
            Broken.sink("send_refresh_token = true"),
            ":10: sinks.up.send_refresh_token: a refresh token of client box can be used only once, and whoever uses it "
                + "ends the other's grant; remove it, or set send_single_use_refresh_token = true too"
        ),
        Broken(
            "the second consent without the first",
            Broken.sink("send_single_use_refresh_token = true"),
            ":10: sinks.up.send_single_use_refresh_token: has no effect without send_refresh_token = true; "
                + "remove it, or set both"
        ),
        Broken(
            "an unknown way with missing permissions",
            Broken.sink("missing_permissions = \"ignore\""),
            ":10: sinks.up.missing_permissions: is not a word that is known here; use one of deliver, refuse"
        ),
    ]

    static let rules: [Broken] = [
        Broken(
            "one rule as a table",
            "[access]\nusers = [\"app\"]\n",
            ":1: access: is a table, but must be a list of tables; write [[access]] and its keys below"
        ),
        Broken(
            "a rule for nobody",
            Broken.client("[[access]]\naccounts = [\"box/*\"]\nallow = [\"token\"]"),
            ":5: access[0]: names nobody; add users, groups or both"
        ),
        Broken(
            "an unknown user",
            Broken.access(users: #"["app", "ghost"]"#),
            ":6: access[0].users[1]: there is no user of this name; create the user, correct the name, or write a number"
        ),
        Broken(
            "the user who stands for all without a number",
            Broken.access(users: #"["nobody"]"#),
            ":6: access[0].users[0]: stands for every user that has no number here; name the one that is meant"
        ),
        Broken(
            "a number that is no user's",
            Broken.access(users: "[4294967295]"),
            ":6: access[0].users[0]: is out of range; use 0 to 4294967294"
        ),
        Broken(
            "true for a user",
            Broken.access(users: "[true]"),
            ":6: access[0].users[0]: is true or false, but must be the name or number of a user; "
                + "write a name in quotes, or a number"
        ),
        Broken(
            "a rule for no accounts",
            Broken.access(accounts: "[]"),
            ":7: access[0].accounts: names no account; write names or patterns, like \"gdrive/*\""
        ),
        Broken(
            "a pattern without a subject",
            Broken.access(accounts: #"["box"]"#),
            ":7: access[0].accounts[0]: can match no account; write CLIENT/SUBJECT, like \"gdrive/*\""
        ),
        Broken(
            "a permission that there is not",
            Broken.access(allow: #"["token", "wacth"]"#),
            ":8: access[0].allow[1]: is not a word that is known here; did you mean watch?"
        ),
        Broken(
            "a rule that allows nothing",
            Broken.access(allow: "[]"),
            ":8: access[0].allow: allows nothing; use some of token, read, write, refresh, handoff, watch, admin"
        ),
    ]
}
