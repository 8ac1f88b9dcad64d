import FoundationEssentials
import RefreshCore
import Sealing
import TestSupport
import Testing

@Suite struct KeyFileTests {
    let folder: TemporaryFolder

    init() throws { self.folder = try TemporaryFolder() }

    private static let raw = (0..<32).map { UInt8($0) }
    private static let place = SealingPlace(keyCheckOf: StoreID("00"))

    private func isSameKey(_ left: MasterKey, _ right: MasterKey) throws -> Bool {
        let sealed = try AEADSealer(keys: KeyRing(writing: left)).seal([1], at: Self.place)
        return (try? AEADSealer(keys: KeyRing(writing: right)).open(sealed, at: Self.place)) != nil
    }

    @Test(arguments: [
        Self.raw,
        Self.raw + [0x0A],
        Array("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f".utf8),
        Array("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n".utf8),
        Array("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".utf8),
        Array("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n".utf8),
    ])
    func `one key in any of its forms is one key, a newline at the end or not`(form: [UInt8]) throws {
        try self.folder.write(form, to: "key")
        let key = try KeyFile.read(self.folder.path("key"))
        #expect(try self.isSameKey(key, try MasterKey(file: Self.raw)))
    }

    @Test func `a raw key may end in a newline of its own`() throws {
        let raw = Self.raw.dropLast() + [0x0A]
        let key = try MasterKey(file: Array(raw))
        #expect(try self.isSameKey(key, try MasterKey(file: Array(raw) + [0x0A])))
        #expect(try !self.isSameKey(key, try MasterKey(file: Self.raw)))
    }

    @Test(arguments: [
        ([], KeyFileError.Problem.empty, "is empty"),
        ([0x0A], .empty, "is empty"),
        ([UInt8](repeating: 7, count: 31), .short(31), "too short, with 31 bytes"),
        ([UInt8](repeating: 7, count: 33), .long(33), "too long, with 33 bytes"),
        ([UInt8](repeating: 7, count: 32) + [0x0A, 0x0A], .long(33), "too long, with 33 bytes"),
        ([UInt8](repeating: UInt8(ascii: "g"), count: 64), .long(64), "too long, with 64 bytes"),
        ([UInt8](repeating: UInt8(ascii: "?"), count: 44), .long(44), "too long, with 44 bytes"),
        ([UInt8](repeating: 7, count: 5_000), .long(5_000), "too long, with 5000 bytes"),
    ])
    func `what is no key is refused with its own sentence`(
        bytes: [UInt8],
        problem: KeyFileError.Problem,
        words: String
    ) throws {
        try self.folder.write(bytes, to: "key")
        let path = self.folder.path("key")
        let error = try #require(throws: KeyFileError.self) { try KeyFile.read(path) }
        #expect(error == KeyFileError(problem, path: path))
        #expect(error.description.hasPrefix("the key file \(path) "))
        #expect(error.description.contains(words))
    }

    @Test func `a key that is absent, or a folder, is refused with its own sentence`() throws {
        let absent = self.folder.path("none")
        #expect(throws: KeyFileError(.absent, path: absent)) { try KeyFile.read(absent) }
        #expect(throws: KeyFileError(.notAFile, path: self.folder.path)) { try KeyFile.read(self.folder.path) }
    }

    @Test func `a key that cannot be read is refused with the system's reason`() throws {
        // A file as a folder: an error that root gets too.
        try self.folder.write(Self.raw, to: "key")
        let error = try #require(throws: KeyFileError.self) { try KeyFile.read(self.folder.path("key/key")) }
        #expect(error.problem == .unreadable("Not a directory"))
    }

    @Test func `the sentences are all different`() {
        let problems: [KeyFileError.Problem] = [
            .absent, .unreadable("why"), .notAFile, .empty, .short(1), .long(100), .exists, .unwritable("why"),
        ]
        #expect(Set(problems.map { KeyFileError($0, path: "/k").description }).count == problems.count)
    }

    @Test func `a made key is 32 bytes that only the owner may read, and reads back`() throws {
        let path = self.folder.path("key")
        let made = try KeyFile.make(path)
        #expect(try self.isSameKey(made, try KeyFile.read(path)))
        #expect(try self.folder.bytes("key").count == 32)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try self.folder.contents().count == 1)
    }

    @Test func `a key is never written over another`() throws {
        let path = self.folder.path("key")
        _ = try KeyFile.make(path)
        let before = try self.folder.contents()
        #expect(throws: KeyFileError(.exists, path: path)) { try KeyFile.make(path) }
        #expect(try self.folder.contents() == before)
    }

    @Test func `two made keys differ`() throws {
        let (one, two) = (try KeyFile.make(self.folder.path("1")), try KeyFile.make(self.folder.path("2")))
        #expect(try !self.isSameKey(one, two))
    }

    @Test func `a key is not made where there is no folder`() throws {
        let error = try #require(throws: KeyFileError.self) { try KeyFile.make(self.folder.path("none/key")) }
        #expect(error.problem == .unwritable("No such file or directory"))
    }
}
