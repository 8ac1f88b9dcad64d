import Testing
import Varlink

@testable import refreshctl

/// Files of other programs, and what is made of them.
@Suite struct ForeignFormatTests {
    private static let now: Int64 = 1_772_270_102  // 2026-02-28T09:15:02Z

    private static func account(_ text: String) throws -> AccountName { try AccountName(checking: text) }

    // MARK: Google

    @Test func `application default credentials become a grant without an access token`() throws {
        let file = #"""
            {"client_id": "1-a.apps.example", "client_secret": "canary-secret", "quota_project_id": "p",
             "refresh_token": "1//canary-rt", "type": "authorized_user"}
            """#
        let account = try Self.account("gdrive/alice")
        let found = try GoogleCredentials.account(in: Array(file.utf8), .one(account), now: Self.now)
        let line = try found.content.get()
        #expect(line.account == account)
        #expect(line.token == ["refresh_token": "1//canary-rt", "client_id": "1-a.apps.example"])
        #expect(line.issuedAt == nil)
    }

    @Test(
        arguments: [
            ("2026-02-28T09:25:02.123456Z", 600), ("2026-02-28T09:25:02", 600), ("2026-02-28T09:15:02Z", nil),
            ("2020-01-01T00:00:00Z", nil),
        ] as [(String, Int64?)]
    )
    func `a token of Google's libraries comes along while it lives`(expiry: String, left: Int64?) throws {
        let file = #"""
            {"token": "canary-at", "refresh_token": "canary-rt", "client_id": "c", "client_secret": "canary-secret",
             "scopes": ["a", "b"], "expiry": "\#(expiry)"}
            """#
        let line = try GoogleCredentials.account(
            in: Array(file.utf8),
            .one(Self.account("gdrive/alice")),
            now: Self.now
        ).content.get()
        #expect(line.token["expires_in"]?.int == left)
        #expect(line.token["access_token"]?.string == (left == nil ? nil : "canary-at"))
        #expect(line.token["scope"] == "a b")
        #expect(line.token["client_secret"] == nil)
        #expect(line.issuedAt == (left == nil ? nil : Self.now))
    }

    @Test(arguments: [
        #"{"type": "service_account", "private_key": "canary-key"}"#, #"{"type": "external_account"}"#,
        #"{"installed": {"client_secret": "canary-secret"}}"#, #"{"web": {}}"#, "[]", "canary-text", "",
        #"{"type": "authorized_user", "client_id": "c"}"#,
        #"{"type": "authorized_user", "refresh_token": 7}"#,
        #"{"refresh_token": "canary-rt", "token": "canary-at", "expiry": "soon"}"#,
    ])
    func `what holds no grant of a user is refused, and nothing of it is repeated`(file: String) throws {
        let account = try Self.account("gdrive/alice")
        #expect {
            try GoogleCredentials.account(in: Array(file.utf8), .one(account), now: Self.now)
        } throws: { error in
            (error as? ImportLine.Fault)?.reason.contains("canary") == false
        }
    }

    // MARK: rclone

    private static let rclone = #"""
        # a comment
        [drive one]
        type = drive
        client_id = 1-a.apps.example
        scope = drive.readonly
        token = {"access_token":"canary-at","token_type":"Bearer","refresh_token":"canary-rt","expiry":"2026-02-28T10:25:02.5+01:00"}

        [other]
        type = drive
        token = {"access_token":"canary-at-2","token_type":"Bearer","refresh_token":"canary-rt-2","expiry":"0001-01-01T00:00:00Z"}
        [local]
        type = local
        """#

    @Test func `each section with a token is an account of the client`() throws {
        let found = try RcloneConfiguration.accounts(
            in: Array(Self.rclone.utf8),
            .client("gdrive"),
            only: [],
            now: Self.now
        )
        let lines = try found.map { try $0.content.get() }
        #expect(lines.map(\.account.text) == ["gdrive/drive one", "gdrive/other"])
        #expect(found.map(\.line) == [2, 8])
        #expect(
            lines[0].token == [
                "refresh_token": "canary-rt", "access_token": "canary-at", "expires_in": 600, "token_type": "Bearer",
                "client_id": "1-a.apps.example",
            ]
        )
        #expect(lines[0].issuedAt == Self.now)
        #expect(lines[1].token["expires_in"] == nil, "Go's zero time is no time")
        #expect(lines[1].token["client_id"] == nil)
        #expect(found.map { $0.note == nil } == [true, false], "the second hangs on rclone's own client")
    }

    @Test func `one section can be named, and have any name here`() throws {
        let found = try RcloneConfiguration.accounts(
            in: Array(Self.rclone.utf8),
            .one(Self.account("gdrive/alice")),
            only: ["other"],
            now: Self.now
        )
        #expect(try found.map { try $0.content.get().account.text } == ["gdrive/alice"])
    }

    @Test(
        arguments: [
            ("# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\ncanary", []),
            ("[a]\ntype = drive\ntoken = {}\n[b]\ntype = box\ntoken = {}\n", []), ("[a]\ntype = drive\n", []), ("", []),
            ("[a]\ntype = drive\ntoken = {}\n", ["b"]),
        ] as [(String, [String])]
    )
    func `a configuration of which it is not clear what is meant is refused`(file: String, only: [String]) {
        #expect(throws: ImportLine.Fault.self) {
            try RcloneConfiguration.accounts(in: Array(file.utf8), .client("gdrive"), only: only, now: Self.now)
        }
    }

    @Test func `two accounts do not get one name`() throws {
        let account = try Self.account("gdrive/alice")
        #expect(throws: ImportLine.Fault.self) {
            try RcloneConfiguration.accounts(in: Array(Self.rclone.utf8), .one(account), only: [], now: Self.now)
        }
    }

    @Test(arguments: ["canary", #"{"access_token":"canary","expiry":"soon"}"#, #"{"access_token":7}"#, "{}"])
    func `a section with a broken token is told by its name, without the token`(token: String) throws {
        let found = try RcloneConfiguration.accounts(
            in: Array("[a]\ntype=drive\ntoken=\(token)\n".utf8),
            .client("gdrive"),
            only: [],
            now: Self.now
        )
        let account = try #require(found.first)
        guard case .failure(let fault) = account.content else {
            Issue.record("it was taken")
            return
        }
        #expect(fault.account?.text == "gdrive/a")
        #expect(!fault.reason.contains("canary"))
    }

    // MARK: oidc-agent

    @Test func `an account that oidc-agent has printed is taken under its name or another`() throws {
        let file = #"""
            {"name": "egi", "issuer_url": "https://aai.example/", "client_id": "c", "client_secret": "canary-secret",
             "refresh_token": "canary-rt", "cert_path": "", "scope": "openid offline_access"}
            """#
        for (naming, name) in [
            (AccountNaming.client("aai"), "aai/egi"), (.one(try Self.account("aai/me")), "aai/me"),
        ] {
            let line = try OidcAgentAccount.account(in: Array(file.utf8), naming, now: Self.now).content.get()
            #expect(line.account.text == name)
            #expect(
                line.token == ["refresh_token": "canary-rt", "scope": "openid offline_access", "client_id": "c"]
            )
        }
    }

    @Test(arguments: ["2f1b9c\n24\n16\n32\n1\n", #"{"name": "egi", "refresh_token": ""}"#, #"{"name": "egi"}"#])
    func `an encrypted account, and one without a grant, is told how to be exported`(file: String) {
        #expect {
            try OidcAgentAccount.account(in: Array(file.utf8), .client("aai"), now: Self.now)
        } throws: { error in
            (error as? ImportLine.Fault)?.reason.contains("oidc-gen") == true
        }
    }

    // MARK: Tables

    private static func read(_ text: String, _ naming: AccountNaming = .asWritten) throws -> [ForeignAccount] {
        var table = TokenTable(naming)
        var found: [ForeignAccount] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if let account = try table.read(Array(line.utf8), number: index + 1, now: Self.now) {
                found.append(account)
            }
        }
        if let account = table.end() { found.append(account) }
        return found
    }

    @Test func `a table's columns may stand in any order, and its fields in quotes`() throws {
        let found = try Self.read(
            #"""
            \#u{FEFF}refresh_token,"account",expires_at,scope,access_token,token_type
            canary-rt,gdrive/a,1772273702,"x, ""y""",canary-at,Bearer

            canary-rt-2,"gdrive/b
            c",2026-02-28T10:15:02Z,,,
            """#
        )
        #expect(found.map(\.line) == [2, 4])
        #expect(
            try found[0].content.get().token == [
                "refresh_token": "canary-rt", "access_token": "canary-at", "expires_in": 3_600, "token_type": "Bearer",
                "scope": #"x, "y""#,
            ]
        )
        guard case .failure(let fault) = found[1].content else {
            Issue.record("a line end within a name")
            return
        }
        #expect(fault.reason.contains("control character"))
    }

    @Test func `when a token was issued is kept, if the table says so`() throws {
        let found = try Self.read(
            """
            account,access_token,issued_at,expires_in
            a/b,canary-at,1772270000,3600
            """
        )
        let line = try #require(try found.first?.content.get())
        #expect(line.issuedAt == 1_772_270_000)
        #expect(line.token["expires_in"] == "3600")
        let other = try Self.read(
            """
            account,access_token,issued_at,expires_at
            a/b,canary-at,2026-02-28T09:10:02Z,2026-02-28T10:10:02Z
            """
        )
        let second = try #require(try other.first?.content.get())
        #expect(second.issuedAt == 1_772_269_802)
        #expect(second.token["expires_in"] == 3_600)
    }

    @Test(arguments: [
        "acount,access_token", "account", "account,access_token,access_token", "canary-at,canary-rt",
        "account,access_token,expires_in,expires_at", #"account,"access_token"x"#,
    ])
    func `a table with other columns is refused as a whole, and no field is repeated`(header: String) {
        #expect {
            try Self.read(header + "\na/b,canary-at")
        } throws: { error in
            (error as? ImportLine.Fault)?.reason.contains("canary") == false
        }
    }

    @Test(arguments: [
        "a/b,canary-at", "a/b,canary-at,,,", #"a/b,"canary-at"x,"#, #"a/b,can"ary-at,"#, "b,canary-at,",
        "a/b,canary-at,soon", "a/b,,", #"a/b,"canary-at,"#, "a/b,canary-at,1",
    ])
    func `a line that cannot be an account is refused alone`(line: String) throws {
        let found = try Self.read("account,access_token,expires_at\n\(line)")
        #expect(found.count == 1)
        guard case .failure(let fault)? = found.first?.content else {
            Issue.record("it was taken")
            return
        }
        #expect(!fault.reason.contains("canary"))
    }

    // MARK: Moments

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-02-28T09:15:02Z", 1_772_270_102), ("2000-02-29t23:59:60z", 951_868_800),
            ("0001-01-01T00:00:00Z", -62_135_596_800), ("9999-12-31T23:59:59Z", 253_402_300_799),
            ("2026-02-28 09:15:02.999999999+00:00", 1_772_270_102), ("2026-02-28T04:45:02-04:30", 1_772_270_102),
            ("2026-02-28T09:15:02", nil), ("2026-02-29T00:00:00Z", nil), ("2026-13-01T00:00:00Z", nil),
            ("2026-02-28T24:00:00Z", nil), ("2026-02-28T09:15:02.Z", nil), ("2026-02-28T09:15:02Zx", nil), ("", nil),
            ("1900-02-29T00:00:00Z", nil), ("2026-2-28T09:15:02Z", nil), ("2026-02-28T09:15:02+0100", nil),
        ] as [(String, Int64?)]
    )
    func `a moment of RFC 3339 is read`(text: String, seconds: Int64?) {
        #expect(InternetTime.seconds(text) == seconds)
    }

    @Test(arguments: 0..<400) func `what is written as a moment is read as the same`(step: Int) {
        let moment = -62_135_596_800 + step * 788_918_400 + step * 12_345_678 % 86_400
        #expect(InternetTime.seconds(Output.timestamp(moment)) == Int64(moment))
    }
}
