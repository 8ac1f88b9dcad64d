import Glibc
import RefreshCore
import Testing

@testable import refreshd

/// The real environment, against the files and users that every machine has.
@Suite struct HostEnvironmentTests {
    let host = ConfigurationEnvironment.host

    @Test func `a file is read with its owner and permissions, byte by byte`() throws {
        let path = try TemporaryFile("one\ntwo\n", permissions: 0o640)

        let file = try self.host.readFile(path.path)
        #expect(file.bytes == Array("one\ntwo\n".utf8))
        #expect(file.facts == FileFacts(owner: geteuid(), permissions: 0o640))
        #expect(try self.host.readSecret(.file(path.path)).secret == Secret("one\ntwo\n"))
    }

    @Test func `a file at the limit is read, and one byte more is too large`() throws {
        let limit = Configuration.Limits.secretSize
        let fitting = try TemporaryFile(String(repeating: "x", count: limit), permissions: 0o600)
        let larger = try TemporaryFile(String(repeating: "x", count: limit + 1), permissions: 0o600)

        #expect(try self.host.readSecret(.file(fitting.path)).secret.count == limit)
        #expect(throws: FileFault.tooLarge) { try self.host.readSecret(.file(larger.path)) }
    }

    @Test func `what does not exist is absent, and a folder is no regular file`() throws {
        #expect(throws: FileFault.absent) { try self.host.readFile("/does/not/exist") }
        #expect(throws: FileFault.absent) { try self.host.listFolder("/does/not/exist") }
        let folder = try self.host.readFile("/")
        #expect(!folder.facts.isRegular && folder.bytes.isEmpty)
    }

    @Test func `a folder's names are listed`() throws {
        #expect(try self.host.listFolder("/").contains("etc"))
    }

    @Test func `users and groups are found by name, and unknown ones are not`() {
        #expect(self.host.userNumber("root") == 0)
        #expect(self.host.groupNumber("root") == 0)
        #expect(self.host.userNumber("no-such-user-here") == nil)
        #expect(self.host.groupNumber("no-such-group-here") == nil)
    }

    @Test func `root and this user are believed`() {
        #expect(self.host.trustedOwners.isSuperset(of: [0, geteuid()]))
    }

    /// A file that is gone with this value.
    private final class TemporaryFile {
        let path: String

        init(_ text: String, permissions: mode_t) throws {
            self.path = "/tmp/refreshd-configuration-test.\(getpid()).\(UInt64.random(in: .min ... .max))"
            let descriptor = unsafe open(self.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            let bytes = Array(text.utf8)
            try #require(unsafe write(descriptor, bytes, bytes.count) == bytes.count)
            try #require(fchmod(descriptor, permissions) == 0)
        }

        deinit { _ = unsafe unlink(self.path) }
    }
}
