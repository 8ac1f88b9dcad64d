import RefreshCore
import Testing

@Suite struct EndpointURLTests {
    @Test(arguments: [
        ("https://example.com", "example.com", 443, "/", "https://example.com/"),
        (
            "HTTPS://Login.Example.COM/oauth2/token", "login.example.com", 443, "/oauth2/token",
            "https://login.example.com/oauth2/token"
        ),
        ("https://example.com:8443/a?b=c%20d&e", "example.com", 8443, "/a", "https://example.com:8443/a?b=c%20d&e"),
        ("https://example.com?x=1", "example.com", 443, "/", "https://example.com/?x=1"),
        ("https://example.com:443/", "example.com", 443, "/", "https://example.com/"),
        ("https://192.0.2.7/t", "192.0.2.7", 443, "/t", "https://192.0.2.7/t"),
        ("https://[2001:DB8::1]:9/t", "2001:db8::1", 9, "/t", "https://[2001:db8::1]:9/t"),
        ("https://[::ffff:192.0.2.1]/", "::ffff:192.0.2.1", 443, "/", "https://[::ffff:192.0.2.1]/"),
        ("https://localhost/t", "localhost", 443, "/t", "https://localhost/t"),
        (
            "https://1.example.com/%C3%A9/~x;y@z", "1.example.com", 443, "/%C3%A9/~x;y@z",
            "https://1.example.com/%C3%A9/~x;y@z"
        ),
    ])
    func `an ordinary address is taken apart`(text: String, host: String, port: Int, path: String, whole: String) throws
    {
        let url = try EndpointURL(text, insecureLoopback: false)
        #expect(url.scheme == .https)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.path == path)
        #expect(url.text == whole)
        #expect(try EndpointURL(url.text, insecureLoopback: false) == url)
    }

    @Test(arguments: [
        ("", EndpointURLError.scheme), ("example.com/token", .scheme), ("ftp://example.com/", .scheme),
        ("https:/example.com/", .scheme), ("javascript:alert(1)", .scheme), ("//example.com/", .scheme),
        ("https://user@example.com/", .userPart), ("https://user:pw@example.com/", .userPart),
        ("https://good.example@evil.example/", .userPart),
        ("https://example.com/#top", .fragment), ("https://example.com#@evil.example/", .fragment),
        ("https://", .host), ("https:///path", .host), ("https://example.com./", .host),
        ("https://.example.com/", .host),
        ("https://a..b/", .host), ("https://-a.example/", .host), ("https://a-.example/", .host),
        ("https://a_b.example/", .host),
        ("https://127.1/", .host), ("https://2130706433/", .host), ("https://0x7f000001/", .host),
        ("https://127.0.0.0x1/", .host),
        ("https://256.1.1.1/", .host), ("https://01.2.3.4/", .host), ("https://1.2.3.4.5/", .host),
        ("https://[::1/", .host), ("https://[::1]x/", .host), ("https://[]/", .host), ("https://[1:2:3]/", .host),
        ("https://[1::2::3]/", .host), ("https://[:1:2:3:4:5:6:7]/", .host), ("https://[12345::]/", .host),
        ("https://[fe80::1%25eth0]/", .host), ("https://::1/", .host), ("https://ex%61mple.com/", .host),
        ("https://example.com:/", .port), ("https://example.com:0/", .port), ("https://example.com:65536/", .port),
        ("https://example.com:080/", .port), ("https://example.com:+80/", .port), ("https://example.com:80:80/", .port),
        ("https://example.com/%", .escape), ("https://example.com/%4", .escape),
        ("https://example.com/?a=%zz", .escape),
        ("https://example.com/a/../b", .dotSegment), ("https://example.com/.", .dotSegment),
        ("https://example.com/%2e%2E/b", .dotSegment), ("https://example.com/.%2e", .dotSegment),
        ("https://example.com/a b", .character), ("https://exämple.com/", .character),
        ("https://example.com\\@evil/", .character),
        ("https://example.com/\u{0}", .character), ("https://example.com/\r\nHost: evil", .character),
        ("https://example.com/{id}", .character),
        ("http://example.com/", .insecure), ("http://127.0.0.1/", .insecure),
    ])
    func `an unusual address is refused and not repaired`(text: String, error: EndpointURLError) {
        #expect(throws: error) { try EndpointURL(text, insecureLoopback: false) }
    }

    @Test(arguments: [
        "http://127.0.0.1:8080/t", "http://[::1]/t", "http://[0:0:0:0:0:0:0:1]:1/", "https://example.com/",
    ])
    func `plain http is permitted to the two loopback addresses`(text: String) throws {
        #expect(throws: Never.self) { try EndpointURL(text, insecureLoopback: true) }
    }

    @Test(arguments: [
        "http://example.com/", "http://localhost/", "http://127.0.0.2/", "http://0.0.0.0/", "http://[::]/",
        "http://[::ffff:127.0.0.1]/", "http://127.0.0.1.example.com/",
    ])
    func `plain http is permitted nowhere else`(text: String) {
        #expect(throws: EndpointURLError.insecure) { try EndpointURL(text, insecureLoopback: true) }
    }

    @Test func `a description has no query`() throws {
        let url = try EndpointURL("https://example.com/t?key=canary-1", insecureLoopback: false)
        #expect("\(url)" == "https://example.com/t")
    }

    @Test func `an address of 2048 bytes is the longest`() throws {
        let text = "https://example.com/" + String(repeating: "a", count: 2_028)
        #expect(throws: Never.self) { try EndpointURL(text, insecureLoopback: false) }
        #expect(throws: EndpointURLError.tooLong) { try EndpointURL(text + "a", insecureLoopback: false) }
    }
}
