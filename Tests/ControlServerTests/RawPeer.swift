import Dispatch
import Glibc
import Synchronization
import Varlink

/// A client that speaks bytes, for what no well-behaved client would do.
final class RawPeer: Sendable {
    struct Failure: Error {
        var reason: String
    }

    private let descriptor: CInt
    // Its own thread: it blocks, and a global queue waits long before it replaces a thread that does.
    private let queue = DispatchQueue(label: "raw peer")
    /// Bytes that were read and not asked for.
    private let rest = Mutex<[UInt8]>([])

    /// - Parameters:
    ///   - path: The socket.
    ///   - waits: False: fails at once where no place is left among those who wait to be accepted.
    /// - Throws: `Failure`.
    init(_ path: String, waits: Bool = true) throws {
        let mode = waits ? 0 : SOCK_NONBLOCK.rawValue
        self.descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | mode), 0)
        let result = unsafe Self.withAddress(path) { unsafe connect(self.descriptor, $0, $1) }
        guard result == 0 else { throw Failure(reason: "connect: \(errno)") }
    }

    deinit { close(self.descriptor) }

    static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// Writes as much as the kernel takes now.
    ///
    /// - Returns: How many bytes that was.
    @discardableResult func write(_ bytes: some Collection<UInt8>) -> Int {
        let bytes = Array(bytes)
        let count = unsafe bytes.withUnsafeBytes {
            unsafe send(self.descriptor, $0.baseAddress, $0.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
        }
        return max(count, 0)
    }

    /// Writes a message and its NUL.
    func write(_ message: String) { self.write(Array(message.utf8) + [0]) }

    /// The next message without its NUL; nil at the end of the stream.
    func message() async -> String? {
        while true {
            let message: [UInt8]? = self.rest.withLock { rest in
                guard let nul = rest.firstIndex(of: 0) else { return nil }
                defer { rest.removeFirst(nul + 1) }
                return Array(rest[..<nul])
            }
            if let message { return String(decoding: message, as: UTF8.self) }
            let bytes = await self.read()
            guard !bytes.isEmpty else { return nil }
            self.rest.withLock { $0 += bytes }
        }
    }

    /// Everything up to the end of the stream.
    func everything() async -> [UInt8] {
        var all = self.rest.withLock { $0 }
        while true {
            let bytes = await self.read()
            guard !bytes.isEmpty else { return all }
            all += bytes
        }
    }

    /// Waits for bytes; empty at the end of the stream, and when it was cut off.
    private func read() async -> [UInt8] {
        let descriptor = self.descriptor
        return await withCheckedContinuation { continuation in
            self.queue.async {
                var bytes = [UInt8](repeating: 0, count: 65_536)
                let count = unsafe bytes.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
                continuation.resume(returning: Array(bytes.prefix(max(count, 0))))
            }
        }
    }

    func closeSending() { shutdown(self.descriptor, CInt(SHUT_WR)) }

    func leave() { shutdown(self.descriptor, CInt(SHUT_RDWR)) }

    /// Calls a method of the control interface and returns the whole answer as it was written.
    func call(_ method: String, _ parameters: String = "{}", _ flags: String = "") async throws -> String {
        self.write(Self.text(method, parameters, flags))
        guard let answer = await self.message() else { throw Failure(reason: "closed") }
        return answer
    }

    /// The same, read.
    func answer(_ method: String, _ parameters: String = "{}") async throws -> Answer {
        Answer(try JSONValue(parsing: Array(try await self.call(method, parameters).utf8)))
    }

    static func text(_ method: String, _ parameters: String = "{}", _ flags: String = "") -> String {
        let name = method.contains(".") ? method : "org.refreshd.Control.\(method)"
        return #"{"method":"\#(name)","parameters":\#(parameters)\#(flags)}"#
    }
}

/// One answer, taken apart.
struct Answer {
    private let value: JSONValue

    init(_ value: JSONValue) { self.value = value }

    /// The error's name without its interface.
    var error: String? { self.value.object?["error"]?.string?.split(separator: ".").last.map(String.init) }
    var parameters: JSONObject { self.value.object?["parameters"]?.object ?? [:] }
    var account: JSONObject { self.parameters["account"]?.object ?? [:] }
    var state: String? { self.account["state"]?.string }
    var generation: Int64? { self.account["generation"]?.int }
    var accessToken: String? { self.parameters["token"]?.object?["access_token"]?.string }
    var continues: Bool { self.value.object?["continues"]?.bool ?? false }
}
