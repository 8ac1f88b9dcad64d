import RefreshCore
import Testing

@Suite struct CookieJarTests {
    private static func jar(_ headers: String...) -> CookieJar {
        var jar = CookieJar()
        for header in headers { jar.take(header) }
        return jar
    }

    @Test(arguments: [
        ("auth=canary-1; Path=/gdrive/; Secure; HttpOnly; SameSite=None", "auth=canary-1"),
        ("auth=canary-1", "auth=canary-1"), (" auth\t= canary-1 ;x", "auth=canary-1"),
        ("auth=\"canary-1\"", "auth=\"canary-1\""), ("auth=a=b=c", "auth=a=b=c"),
        ("auth=canary-1; Max-Age=31536000; Expires=Wed, 21 Oct 2037 07:28:00 GMT", "auth=canary-1"),
        ("auth=canary-1; Domain=example.com", "auth=canary-1"),
    ])
    func `a cookie is a name and a value`(header: String, expected: String) {
        #expect(Self.jar(header).header?.reveal() == expected)
    }

    @Test(arguments: [
        "", "auth", "=canary-1", "a b=canary-1", "auth=can ary", "auth=canary\r\nX: y", "auth=canary\u{7F}", "auth=é",
        "au\u{0}th=1", "auth=a,b", "auth=a\\b", "auth=; Path=/", "auth=canary-1; Max-Age=0",
        "auth=canary-1; expires=Thu, 01 Jan 1970 00:00:00 GMT", "auth=canary-1; Max-Age=-1",
    ])
    func `what is none, or has ended, is not taken`(header: String) {
        #expect(Self.jar(header).isEmpty)
    }

    @Test func `a later cookie takes the place of an earlier one, and one without life takes it away`() {
        var jar = Self.jar("auth=canary-1", "lang=en", "auth=canary-2")
        #expect(jar.header?.reveal() == "auth=canary-2; lang=en")
        jar.take("auth=gone; Max-Age=0")
        #expect(jar.header?.reveal() == "lang=en")
        jar.take("Lang=fr")
        #expect(jar.header?.reveal() == "lang=en; Lang=fr", "names are told apart by case")
    }

    @Test func `a jar has bounds`() {
        var jar = CookieJar()
        for number in 0..<100 { jar.take("name-\(number)=canary") }
        #expect(jar.header?.reveal().split(separator: ";").count == CookieJar.capacity)
        let name = "name-1"
        jar.take("\(name)=" + String(repeating: "x", count: CookieJar.largestCookie - name.count + 1))
        #expect(jar.header?.reveal().contains("xxxx") == false)
        jar.take("\(name)=" + String(repeating: "x", count: CookieJar.largestCookie - name.count))
        #expect(jar.header?.reveal().contains("xxxx") == true)
    }

    @Test func `a jar is read back as it was`() {
        let jar = Self.jar("auth=canary-1=; Path=/", "a=\"b\"", "c=d")
        #expect(CookieJar(encoded: jar.encoded) == jar)
        #expect(CookieJar(encoded: CookieJar().encoded).isEmpty)
        #expect(CookieJar(encoded: Secret("broken\nauth=canary-1")).header?.reveal() == "auth=canary-1")
    }

    @Test func `a jar shows nothing`() {
        #expect(!"\(Self.jar("auth=canary-1"))".contains("canary"))
    }
}
