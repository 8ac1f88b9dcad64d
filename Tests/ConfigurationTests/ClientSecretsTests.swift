import OAuth
import RefreshCore
import Testing

@testable import refreshd

/// Several secrets of one client, for the time in which the provider changes from one to the other (facts C07).
@Suite struct ClientSecretsTests {
    private static func host(_ lines: String) -> FakeHost {
        var host = FakeHost("[clients.box]\nprofile = \"box\"\nclient_id = \"id\"\n\(lines)\n")
        host.secrets[.credential("new")] = FakeHost.secret("canary-new-secret\n")
        host.secrets[.credential("empty")] = FakeHost.secret("\n")
        return host
    }

    @Test func `the first of the list is presented, the others are kept for later`() throws {
        let host = Self.host("client_secrets = [{ credential = \"box-secret\" }, { credential = \"new\" }]")
        let client = try #require(try host.load().clients.first)
        #expect(client.client.clientSecret == Secret("canary-client-secret"))
        #expect(client.client.otherSecrets == [Secret("canary-new-secret")])
        #expect(client.secretReference == .credential("box-secret"))
        let one = try #require(try Self.host("client_secret = { credential = \"new\" }").load().clients.first)
        #expect(one.client.clientSecret == Secret("canary-new-secret") && one.client.otherSecrets.isEmpty)
    }

    @Test(arguments: [
        (
            "client_secrets = [{ credential = \"box-secret\" }, { credential = \"empty\" }]",
            ":4: clients.box.client_secrets[1]: the secret is empty; put the secret there"
        ),
        (
            "client_secrets = [\"canary-secret\"]",
            ":4: clients.box.client_secrets[0]: a secret must not stand in the configuration itself; "
                + "write { credential = \"name\" } or { file = \"/…\" }, and replace the secret"
        ),
        (
            "client_secret = { credential = \"new\" }\nclient_secrets = [{ credential = \"box-secret\" }]",
            ":5: clients.box.client_secrets: stands beside client_secret; "
                + "put all of them into client_secrets, in the order in which they are to be tried"
        ),
        (
            "client_secrets = [{ credential = \"box-secret\" }]\ntoken_endpoint_auth_method = \"none\"",
            ":4: clients.box.client_secrets: is never sent with token_endpoint_auth_method = \"none\"; "
                + "remove one of the two"
        ),
    ])
    func `a list that cannot be used is told with its place`(lines: String, complaint: String) {
        #expect(Self.host(lines).complaints() == ["\(FakeHost.main)\(complaint)"])
    }
}

/// Whether reuse ends living tokens, from the configuration.
@Suite struct ReuseEndsTokensTests {
    @Test func `a client and a profile of the operator's can say that reuse ends living tokens`() throws {
        let keys = "rotation = \"single_use\"\nblast = \"family\"\nreuse_ends_tokens = true\n"
        let client = try #require(try FakeHost(Broken.client(keys)).load().clients.first)
        #expect(client.client.profile.habit.reuseEndsTokens)

        var host = FakeHost("[clients.one]\nprofile = \"acme\"\nclient_id = \"id\"\n")
        host.files["/etc/refreshd/providers.d/acme.toml"] = FakeHost.File(
            text: "token_endpoint = \"https://acme.example/token\"\n" + keys
        )
        let other = try #require(try host.load().clients.first)
        #expect(other.client.profile.habit.reuseEndsTokens)
        let without = try #require(
            try FakeHost("[clients.box]\nprofile = \"box\"\nclient_id = \"id\"\n").load().clients.first
        )
        #expect(!without.client.profile.habit.reuseEndsTokens)
    }

    @Test func `it is refused where it would mean nothing`() {
        let complaints = FakeHost(Broken.client("rotation = \"none\"\nreuse_ends_tokens = true")).complaints()
        #expect(complaints.count == 1)
        #expect(
            complaints.first?.hasSuffix(
                "reuse_ends_tokens: has no meaning without rotation = \"single_use\" and blast = \"family\"; "
                    + "remove it, or set both"
            ) == true
        )
    }
}
