import Dispatch
import Glibc
package import RefreshCore

/// Writes each account's token into a file of its own, which is whole at every moment: readers see the token before or
/// the one after.
package struct FileSink: TokenSink {
    let settings: FileSettings
    let clock: any WallClock
    let queue: DispatchQueue

    package func deliver(_ message: SinkMessage) async throws(SinkError) {
        let text = try TokenText(message, self.settings.format, utcShift: self.clock.utcShift)
        guard let name = self.settings.path.name(for: message.account) else {
            throw .refused(message: "the account's name is too long for a file's")
        }
        // By the account, for the sink is given one token of an account at a time; so what a crash leaves behind is
        // taken up by the next try.
        let temporary = ".refreshd-\(String(message.account.fingerprint, radix: 16)).new"
        let settings = self.settings
        let outcome = await withCheckedContinuation { continuation in
            // A disk may take its time, and nobody else's thread is to wait for it.
            self.queue.async {
                continuation.resume(returning: Self.write(text.bytes, name, temporary, settings))
            }
        }
        try outcome.get()
    }

    private static func write(
        _ text: Secret,
        _ name: String,
        _ temporary: String,
        _ settings: FileSettings
    ) -> Result<Void, SinkError> {
        Result { () throws(SinkError) in
            let folder = unsafe open(settings.path.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard folder >= 0 else { throw Self.failure("the folder cannot be opened") }
            defer { close(folder) }
            unsafe unlinkat(folder, temporary, 0)
            // Readable by nobody else before it is complete and has its owner.
            let file = unsafe openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw Self.failure("no file can be made in the folder") }
            var isInPlace = false
            defer {
                close(file)
                if !isInPlace { unsafe unlinkat(folder, temporary, 0) }
            }
            try Self.write(text.revealBytes(), to: file)
            if settings.owner != nil || settings.group != nil {
                guard fchown(file, settings.owner ?? .max, settings.group ?? .max) == 0 else {
                    throw Self.failure("the file cannot be given to its owner")
                }
            }
            guard fchmod(file, settings.mode) == 0 else { throw Self.failure("the file's mode cannot be set") }
            guard fsync(file) == 0 else { throw Self.failure("the file cannot be written") }
            guard unsafe renameat(folder, temporary, folder, name) == 0 else {
                throw Self.failure("the file cannot be put in its place")
            }
            isInPlace = true
            guard fsync(folder) == 0 else { throw Self.failure("the folder cannot be written") }
        }
    }

    private static func write(_ bytes: [UInt8], to file: Int32) throws(SinkError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EINTR {
                continue
            } else {
                throw Self.failure("the file cannot be written")
            }
        }
    }

    /// What the system said is added; a path is not.
    private static func failure(_ what: String) -> SinkError {
        .unavailable(.sinkRefused, message: "\(what): \(unsafe String(cString: strerror(errno)))", retryAfter: nil)
    }
}
