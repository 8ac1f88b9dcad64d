import Testing

@testable import refreshd

@Suite struct ConfigurationCheckTests {
    private static func check(_ text: String) -> ConfigurationCheck {
        ConfigurationCheck(path: FakeHost.main, environment: FakeHost(text).environment)
    }

    @Test func `a good configuration shows where tokens would go`() {
        let check = Self.check(Broken.sink("[clients.box.limits]") + "\n")

        #expect(check.exitCode == 0)
        #expect(
            check.lines == [
                "client box: profile box, rotation single_use, secret from credential box-secret",
                "  token endpoint: https://api.box.com/oauth2/token",
                "  authorization endpoint: https://account.box.com/api/oauth2/authorize",
                "  revocation endpoint: https://api.box.com/oauth2/revoke",
                "sink up: https://social.example.com/, box as box",
                "good: 1 file, 1 client, 1 sink, 0 access rules",
            ]
        )
    }

    @Test func `the query of an endpoint is not shown`() {
        let check = Self.check(Broken.client("token_endpoint = \"https://a.example.com/t?key=canary-key\""))

        #expect(check.isGood)
        #expect(check.lines.contains("  token endpoint: https://a.example.com/t"))
    }

    @Test func `a broken one ends with their number and the code for configuration errors`() {
        let check = Self.check("[store]\npath = 5\n[log]\nlevel = 5\n")

        #expect(check.exitCode == 78)
        #expect(
            check.lines == [
                "\(FakeHost.main):2: store.path: is a number, but must be text; write it in quotes",
                "\(FakeHost.main):4: log.level: is a number, but must be text; write it in quotes",
                "2 errors",
            ]
        )
    }
}
