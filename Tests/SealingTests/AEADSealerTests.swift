import Glibc
import RefreshCore
import Sealing
import Testing

@Suite struct AEADSealerTests {
    let sealer: AEADSealer
    let place: SealingPlace
    let plaintext = Array("canary-at-1".utf8)

    init() throws {
        self.sealer = AEADSealer(keys: try KeyRing(bytes: Self.key(1)))
        self.place = SealingPlace(
            store: StoreID("00ff"),
            account: try AccountID("box/alice"),
            column: .accessToken,
            generation: Generation(7)
        )
    }

    static func key(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

    @Test(arguments: [0, 1, 15, 16, 17, 4_096])
    func `what was sealed opens at its place`(count: Int) throws {
        let plaintext = [UInt8](repeating: 0xC3, count: count)
        let sealed = try self.sealer.seal(plaintext, at: self.place)
        #expect(sealed.bytes.count == count + AEADSealer.overhead)
        #expect(try self.sealer.open(sealed, at: self.place).revealBytes() == plaintext)
    }

    @Test func `nothing of the plaintext can be seen in it`() throws {
        let sealed = try self.sealer.seal(self.plaintext, at: self.place)
        #expect(!String(decoding: sealed.bytes, as: UTF8.self).contains("canary"))
    }

    @Test func `it opens at no other place`() throws {
        let sealed = try self.sealer.seal(self.plaintext, at: self.place)
        var others = [SealingPlace](repeating: self.place, count: 5)
        others[0].store = StoreID("00fe")
        others[1].account = "box/alice2"
        others[2].column = .grant
        others[3].generation = self.place.generation.next
        others[4] = SealingPlace(keyCheckOf: self.place.store)
        for other in others {
            #expect(throws: SealingError.refused) { try self.sealer.open(sealed, at: other) }
        }
    }

    @Test func `with any one byte changed it does not open`() throws {
        let sealed = try self.sealer.seal(self.plaintext, at: self.place)
        for index in sealed.bytes.indices {
            var changed = sealed
            changed.bytes[index] ^= 0x01
            // The first 8 bytes name the key: changed, they name one that is not here.
            let expected: SealingError = index < 8 ? .unknownKey : .refused
            #expect(throws: expected, "byte \(index)") { try self.sealer.open(changed, at: self.place) }
        }
    }

    @Test func `cut short anywhere it does not open`() throws {
        let sealed = try self.sealer.seal(self.plaintext, at: self.place)
        for count in sealed.bytes.indices {
            #expect(throws: SealingError.refused, "\(count) bytes") {
                try self.sealer.open(SealedBytes(Array(sealed.bytes.prefix(count))), at: self.place)
            }
        }
    }

    @Test func `another key is told apart from damage`() throws {
        let sealed = try self.sealer.seal(self.plaintext, at: self.place)
        let other = AEADSealer(keys: try KeyRing(bytes: Self.key(2)))
        #expect(throws: SealingError.unknownKey) { try other.open(sealed, at: self.place) }
    }

    @Test func `an earlier key opens and does not seal`() throws {
        let (old, new) = (try MasterKey(file: Self.key(1)), try MasterKey(file: Self.key(2)))
        let both = AEADSealer(keys: KeyRing(writing: new, opening: [old]))
        let sealedByOld = try self.sealer.seal(self.plaintext, at: self.place)
        #expect(try both.open(sealedByOld, at: self.place).revealBytes() == self.plaintext)

        let sealedByBoth = try both.seal(self.plaintext, at: self.place)
        #expect(throws: SealingError.unknownKey) { try self.sealer.open(sealedByBoth, at: self.place) }
        let onlyNew = AEADSealer(keys: KeyRing(writing: new))
        #expect(try onlyNew.open(sealedByBoth, at: self.place).revealBytes() == self.plaintext)
    }

    @Test func `no salt and nonce come twice under a key`() throws {
        var seen: Set<ArraySlice<UInt8>> = []
        let count = 100_000
        for _ in 0..<count { seen.insert(try self.sealer.seal([0], at: self.place).bytes[0..<52]) }
        #expect(seen.count == count)
        // Each by itself as well, or one of them would hide that the other stands still.
        #expect(Set(seen.prefix(10_000).map { $0[8..<40] }).count == 10_000)
        #expect(Set(seen.prefix(10_000).map { $0[40..<52] }).count == 10_000)
    }

    @Test func `sealed bytes name the key that they are under`() throws {
        let (old, new) = (try MasterKey(file: Self.key(1)), try MasterKey(file: Self.key(2)))
        let both = AEADSealer(keys: KeyRing(writing: new, opening: [old]))
        let (byOld, byBoth) = (
            try self.sealer.seal(self.plaintext, at: self.place), try both.seal(self.plaintext, at: self.place)
        )
        #expect(byOld.key == self.sealer.writingKey && byBoth.key == both.writingKey && byOld.key != byBoth.key)
        #expect(both.opens(byOld.key) && both.opens(byBoth.key) && !self.sealer.opens(byBoth.key))
    }

    @Test func `the pages that hold the keys are locked, and stay out of core files`() throws {
        let ring = KeyRing(writing: try MasterKey(file: Self.key(1)), opening: [try MasterKey(file: Self.key(2))])
        #expect(ring.lockInMemory())
        // The kernel's words for a mapping: "lo" locked, "dd" not dumped.
        #expect(Self.mappings().contains { $0.contains(" lo") && $0.contains(" dd") })
        #expect(AEADSealer(keys: ring).writingKey == (try AEADSealer(keys: KeyRing(bytes: Self.key(1)))).writingKey)
    }

    private static func mappings() -> [Substring] {
        let file = unsafe open("/proc/self/smaps", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        var (text, part) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
        while true {
            let count = unsafe read(file, &part, part.count)
            guard count > 0 else { break }
            text += part.prefix(count)
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("VmFlags:") }
    }

    @Test func `the key check opens for its own store and key only`() throws {
        let (mine, other) = (StoreID.random(), StoreID.random())
        let keyCheck = try self.sealer.keyCheck(of: mine)
        try self.sealer.verify(keyCheck, of: mine)
        #expect(throws: SealingError.refused) { try self.sealer.verify(keyCheck, of: other) }
        let otherKey = AEADSealer(keys: try KeyRing(bytes: Self.key(2)))
        #expect(throws: SealingError.unknownKey) { try otherKey.verify(keyCheck, of: mine) }
    }

    @Test func `something else sealed at the place of the key check is none`() throws {
        let store = StoreID.random()
        let wrong = try self.sealer.seal(self.plaintext, at: SealingPlace(keyCheckOf: store))
        #expect(throws: SealingError.refused) { try self.sealer.verify(wrong, of: store) }
    }

    @Test func `a store's name is 32 hexadecimal digits and new each time`() {
        let names = (0..<100).map { _ in StoreID.random().text }
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.count == 32 && $0.allSatisfy(\.isHexDigit) })
    }
}
