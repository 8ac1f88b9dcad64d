import Glibc
import Testing

@testable import Systemd

@Suite struct CredentialsTests {
    /// Runs `body` with a folder that is gone afterwards.
    private func withFolder(_ body: (_ path: String) throws -> Void) throws {
        var template = Array("/tmp/systemd-tests-XXXXXX".utf8CString)
        let path = try #require(unsafe mkdtemp(&template).map { unsafe String(cString: $0) })
        defer { self.removeFolder(path) }
        try body(path)
    }

    private func removeFolder(_ path: String) {
        guard let folder = unsafe opendir(path) else { return }
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." {
                unsafe unlinkat(dirfd(folder), name, 0)
            }
        }
        unsafe closedir(folder)
        unsafe rmdir(path)
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        try #require(unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    }

    @Test func `the bytes come back as they are, line end and NUL included`() throws {
        try self.withFolder { folder in
            let bytes = Array("canary-secret\u{0}\n".utf8) + [0xFF, 0x00]
            try self.write(bytes, to: "\(folder)/store-key")
            #expect(try Credentials(directory: folder).read("store-key") == bytes)
        }
    }

    @Test func `an empty credential is empty`() throws {
        try self.withFolder { folder in
            try self.write([], to: "\(folder)/empty")
            #expect(try Credentials(directory: folder).read("empty") == [])
        }
    }

    @Test func `a process without credentials says so`() {
        #expect(throws: CredentialError.noCredentials(name: "store-key")) {
            try Credentials(directory: nil).read("store-key")
        }
    }

    @Test func `a credential that the unit does not pass is missing`() throws {
        try self.withFolder { folder in
            #expect(throws: CredentialError.missing(name: "store-key")) {
                try Credentials(directory: folder).read("store-key")
            }
        }
    }

    @Test func `the limit is the last size that is read`() throws {
        try self.withFolder { folder in
            try self.write(Array(repeating: 7, count: Credentials.sizeLimit), to: "\(folder)/at-limit")
            try self.write(Array(repeating: 7, count: Credentials.sizeLimit + 1), to: "\(folder)/over-limit")
            let credentials = Credentials(directory: folder)
            #expect(try credentials.read("at-limit").count == Credentials.sizeLimit)
            #expect(throws: CredentialError.tooLarge(name: "over-limit")) { try credentials.read("over-limit") }
        }
    }

    @Test func `what is no regular file is unreadable, and a pipe does not hang the reader`() throws {
        try self.withFolder { folder in
            try #require(unsafe mkfifo("\(folder)/pipe", 0o600) == 0)
            #expect(throws: CredentialError.unreadable(name: "pipe", errno: EINVAL)) {
                try Credentials(directory: folder).read("pipe")
            }
        }
    }

    @Test(arguments: [
        "", ".", "..", "../store-key", "a/b", "/etc/shadow", "a:b", "a b", "a\u{0}b", "a\nb", "schlüssel",
        String(repeating: "a", count: 256),
    ])
    func `a name that could lead out of the folder is refused`(name: String) throws {
        try self.withFolder { folder in
            #expect(throws: CredentialError.badName(name)) { try Credentials(directory: folder).read(name) }
        }
    }

    @Test(arguments: ["store-key", "smartfile_secret.2", "...", String(repeating: "a", count: 255)])
    func `a name of the manager's kind is taken`(name: String) {
        #expect(Credentials.isName(name))
    }

    @Test func `an error names the credential and the remedy, on one line`() {
        #expect(CredentialError.missing(name: "store-key").description.contains("LoadCredential=store-key:"))
        #expect(CredentialError.badName("a\u{1B}[2J").description.contains("\"a\\u{1b}[2J\""))
        #expect(CredentialError.unreadable(name: "k", errno: EACCES).description == "credential k: Permission denied")
    }
}
