import ControlAPI
import Testing

@testable import refreshctl

@Suite struct TokenFormTests {
    private static func token(_ text: String, type: String = "bearer") -> Wire.Token {
        Wire.Token(accessToken: text, tokenType: type, scope: [], generation: 1)
    }

    @Test(arguments: [
        ("canary-at_1.~", "access_token=canary-at_1.~"), ("canary+/=&", "access_token=canary%2B%2F%3D%26"),
        ("canary%41", "access_token=canary%2541"),
    ])
    func `a parameter stands for the same token after it is decoded`(token: String, text: String) throws {
        #expect(try TokenForm.query.text(of: Self.token(token)) == text)
    }

    /// The example of Google's page on XOAUTH2, and every length of the last group of base64.
    @Test(arguments: [
        (
            "someuser@example.com", "canary-vF9dft4qmT",
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciBjYW5hcnktdkY5ZGZ0NHFtVAEB"
        ),
        ("a", "canary-", "dXNlcj1hAWF1dGg9QmVhcmVyIGNhbmFyeS0BAQ=="),
        ("a", "canary-1", "dXNlcj1hAWF1dGg9QmVhcmVyIGNhbmFyeS0xAQE="),
        ("a", "canary-12", "dXNlcj1hAWF1dGg9QmVhcmVyIGNhbmFyeS0xMgEB"),
    ])
    func `a mail server is told the user and the token`(user: String, token: String, text: String) throws {
        #expect(try TokenForm.xoauth2(user: user).text(of: Self.token(token)) == text)
    }

    @Test(arguments: [TokenForm.query, .xoauth2(user: "a")])
    func `a token that is no bearer token is not passed off as one`(form: TokenForm) {
        #expect(throws: Failure.self) { try form.text(of: Self.token("canary-at-1", type: "DPoP")) }
    }

    @Test(arguments: ["", "canary-\n", "canary at"], [TokenForm.query, .xoauth2(user: "a"), .bare, .header])
    func `a token that would be more than a token is written in no form`(text: String, form: TokenForm) {
        #expect(throws: Failure.self) { try form.text(of: Self.token(text)) }
    }
}
