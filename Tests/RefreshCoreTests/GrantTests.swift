import RefreshCore
import Testing

@Suite struct GrantTests {
    @Test(
        arguments: [
            Grant(refreshToken: nil), Grant(refreshToken: Secret("")), Grant(refreshToken: Secret("canary-rt")),
            Grant(refreshToken: nil, bindings: ["a": ""]),
            Grant(refreshToken: Secret("canary-rt"), bindings: ["": "x"]),
            Grant(refreshToken: Secret("canary-rt"), bindings: ["redirect_uri": "https://a.test/é", "device_id": "1"]),
            Grant(refreshToken: Secret([UInt8](repeating: 0xFF, count: 70_000))),
        ]
    )
    func `a grant comes back as it was`(grant: Grant) {
        #expect(Grant(decoding: grant.encoded()) == grant)
    }

    @Test func `equal grants have equal bytes`() {
        let names = (0..<20).map { "name\($0)" }
        let forward = Grant(refreshToken: nil, bindings: Dictionary(uniqueKeysWithValues: names.map { ($0, $0) }))
        let backward = Grant(
            refreshToken: nil,
            bindings: Dictionary(uniqueKeysWithValues: names.reversed().map { ($0, $0) })
        )
        #expect(forward.encoded() == backward.encoded())
    }

    @Test func `bytes that were cut off are no grant, or one with less in it that was whole`() {
        let grant = Grant(refreshToken: Secret("canary-rt"), bindings: ["a": "b", "c": "d"])
        let bytes = grant.encoded()
        // Cut between two bindings, what is left is a grant with the first; the seal around the bytes notices that.
        let afterToken = 2 + 4 + "canary-rt".utf8.count
        let whole = [afterToken, afterToken + 10]
        for length in 0..<bytes.count {
            let decoded = Grant(decoding: Array(bytes.prefix(length)))
            #expect((decoded != nil) == whole.contains(length), "\(length)")
        }
    }

    @Test func `other versions and impossible lengths are refused`() {
        for bytes: [UInt8] in [
            [], [1], [0, 0], [2, 0], [1, 2], [1, 1], [1, 0, 1], [1, 1, 0xFF, 0xFF, 0xFF, 0xFF], [1, 0, 1, 0, 0, 0],
            [1, 0, 1, 0, 0, 0, 0x61], [1, 1, 5, 0, 0, 0, 0x61],
        ] {
            #expect(Grant(decoding: bytes) == nil, "\(bytes)")
        }
    }

    @Test func `random bytes never do harm`() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<5_000 {
            var bytes: [UInt8] = [1, UInt8.random(in: 0...1, using: &random)]
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                bytes.append(UInt8.random(in: 0...4, using: &random))
            }
            guard let grant = Grant(decoding: bytes) else { continue }
            #expect(Grant(decoding: grant.encoded()) == grant, "seed \(seed)")
        }
    }
}
