import Glibc

/// Why a credential could not be read, one case for each thing an operator can do about it.
package enum CredentialError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name cannot be a credential's: correct the configuration.
    case badName(String)
    /// This process was given no credentials: start it through its unit, or name a file instead.
    case noCredentials(name: String)
    /// The unit passes credentials, but not this one: add `LoadCredential=`.
    case missing(name: String)
    /// More than `Credentials.sizeLimit`: not a secret but a mistake.
    case tooLarge(name: String)
    /// It is there and cannot be read.
    case unreadable(name: String, errno: Int32)

    package var description: String {
        switch self {
        case .badName(let name):
            "\(PlainText.word(name)) is no name of a credential: letters, digits, '-', '_' and '.', at most 255"
        case .noCredentials(let name):
            "credential \(name): this process was started without credentials ($CREDENTIALS_DIRECTORY is not set)"
        case .missing(let name):
            "credential \(name): the unit passes no such credential; add LoadCredential=\(name):/path/to/it"
        case .tooLarge(let name):
            "credential \(name): larger than \(Credentials.sizeLimit) bytes"
        case .unreadable(let name, let errno):
            "credential \(name): \(SystemError(errno))"
        }
    }
}

/// The secrets that the service manager put beside this process (systemd.exec(5), CREDENTIALS).
///
/// They live in a read-only, unswappable file system that only the service's user sees. They are copies made at
/// the start: a reload reads the same bytes again, a changed file needs a restart.
package struct Credentials: Hashable, Sendable {
    /// The most bytes one credential may have.
    ///
    /// The manager itself allows 1 MB for all of a unit together.
    package static let sizeLimit = 1_024 * 1_024

    /// `$CREDENTIALS_DIRECTORY`, or nil if this process was given none.
    package let directory: String?

    package init(directory: String?) {
        self.directory = directory
    }

    /// The credentials of this process.
    package static var inherited: Credentials {
        let directory = unsafe getenv("CREDENTIALS_DIRECTORY").map { unsafe String(cString: $0) }
        return Credentials(directory: directory.flatMap { $0.isEmpty ? nil : $0 })
    }

    /// Returns the credential's bytes as they are: no line end is cut off, an empty one is an empty array.
    ///
    /// A relative `LoadCredential=` whose file does not exist starts the service all the same, so `missing` is an
    /// ordinary answer for an optional credential.
    package func read(_ name: String) throws(CredentialError) -> [UInt8] {
        guard Self.isName(name) else { throw .badName(name) }
        guard let directory = self.directory else { throw .noCredentials(name: name) }
        let descriptor = unsafe open("\(directory)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw errno == ENOENT ? .missing(name: name) : .unreadable(name: name, errno: errno)
        }
        defer { close(descriptor) }

        var facts = stat()
        guard unsafe fstat(descriptor, &facts) == 0 else { throw .unreadable(name: name, errno: errno) }
        // Not a pipe or a folder put there by somebody: those have no size to trust.
        guard facts.st_mode & S_IFMT == S_IFREG else { throw .unreadable(name: name, errno: EINVAL) }
        guard facts.st_size <= Self.sizeLimit else { throw .tooLarge(name: name) }
        return try Self.read(descriptor, size: Int(facts.st_size), name: name)
    }

    /// Reads into one allocation of the right size: an array that grows would leave copies of the secret behind.
    private static func read(_ descriptor: Int32, size: Int, name: String) throws(CredentialError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let rest = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[count...]
                )
                let got = unsafe Glibc.read(descriptor, rest.baseAddress, rest.count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                guard got > 0 else { return }
                count += got
            }
        }
        // A file shorter than a moment ago is being written to: half a secret is no secret.
        guard failure == 0, bytes.count == size else {
            throw .unreadable(name: name, errno: failure == 0 ? EAGAIN : failure)
        }
        return bytes
    }

    /// What systemd takes for a name (credential_name_valid), so that no name leads out of the folder.
    static func isName(_ name: String) -> Bool {
        let bytes = name.utf8
        guard (1...255).contains(bytes.count), name != ".", name != ".." else { return false }
        return bytes.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
    }
}
