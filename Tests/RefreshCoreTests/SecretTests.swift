import RefreshCore
import Testing

@Suite struct SecretTests {
    struct Holder { var secret: Secret }

    @Test func `no way of printing shows a byte`() {
        let secret = Secret("canary-at-1")
        var dumped = ""
        dump(Holder(secret: secret), to: &dumped)
        let texts = [
            "\(secret)", String(describing: secret), String(reflecting: secret), "\([secret])", "\(["k": secret])",
            "\(Optional(secret) as Any)", "\(Holder(secret: secret))", String(reflecting: Holder(secret: secret)),
            dumped,
        ]
        for text in texts {
            #expect(!text.contains("canary"))
            #expect(!text.contains("99, 97"))
            #expect(text.contains("‹secret›"))
        }
        #expect(Mirror(reflecting: secret).children.isEmpty)
    }

    @Test func `it compares by its bytes, and only by them`() {
        let secret = Secret("canary-1")
        #expect(secret == Secret(Array("canary-1".utf8)))
        #expect(secret != Secret("canary-2"))
        #expect(secret != Secret("canary-"))
        #expect(secret != Secret("canary-11"))
        #expect(Secret("") == Secret([UInt8]()))
        #expect(Secret("\u{E9}") != Secret("e\u{301}"))
    }

    @Test func `any byte at any place makes a difference`() {
        let bytes = Array("canary-token-of-some-length".utf8)
        for index in bytes.indices {
            var other = bytes
            other[index] ^= 1
            #expect(Secret(bytes) != Secret(other))
        }
    }

    @Test func `what goes in comes out`() {
        let every = [UInt8](UInt8.min...UInt8.max)
        #expect(Secret(every).revealBytes() == every)
        #expect(Secret(every).count == 256)
        #expect(Secret("canary-é").reveal() == "canary-é")
        #expect(Secret("").isEmpty && !Secret("c").isEmpty)
        #expect(Secret([0xFF]).reveal() == "\u{FFFD}")
    }

    @Test func `equal secrets hash alike, so that sets hold one`() {
        #expect(Set([Secret("canary-a"), Secret("canary-a"), Secret("canary-b")]).count == 2)
    }
}
