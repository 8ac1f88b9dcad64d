import Glibc
import Testing

@testable import Systemd

@Suite struct NotifierTests {
    private let sent = Recorder<String>()

    private func notifier(result: Int32 = 1) -> Notifier {
        let sent = self.sent
        return Notifier(
            transport: { message in
                sent.append(message)
                return result
            },
            monotonicMicroseconds: { 123_456_789 }
        )
    }

    @Test func `each call sends one message of the protocol's words`() {
        let notifier = self.notifier()
        notifier.ready()
        notifier.ready(status: "ready, 3 accounts")
        notifier.status("loading 1 of 3")
        notifier.reloading(status: "reloading")
        notifier.reloaded()
        notifier.stopping()
        notifier.failing(status: "store gone", errno: 5)
        notifier.extendTimeout(by: .milliseconds(1_500))
        notifier.watchdogPing()
        #expect(
            self.sent.elements == [
                "READY=1",
                "READY=1\nSTATUS=ready, 3 accounts",
                "STATUS=loading 1 of 3",
                "RELOADING=1\nMONOTONIC_USEC=123456789\nSTATUS=reloading",
                "READY=1\nERRNO=0",
                "STOPPING=1",
                "ERRNO=5\nSTATUS=store gone",
                "EXTEND_TIMEOUT_USEC=1500000",
                "WATCHDOG=1",
            ]
        )
    }

    @Test func `a refused reload ends the reload and carries the reason`() {
        self.notifier().reloadRefused(status: "refreshd.toml:3: unknown key", errno: 22)
        #expect(self.sent.elements == ["READY=1\nERRNO=22\nSTATUS=refreshd.toml:3: unknown key"])
    }

    @Test(arguments: ["a\nSTOPPING=1", "a\rSTOPPING=1", "a\u{2028}STOPPING=1", "a\u{0}STOPPING=1", "a\u{1B}STOPPING=1"])
    func `a status cannot smuggle in a second assignment`(status: String) {
        self.notifier().status(status)
        #expect(self.sent.elements == ["STATUS=a STOPPING=1"])
    }

    @Test func `the longest status stays below the size that the manager drops`() throws {
        self.notifier().ready(status: String(repeating: "🔑", count: 5_000))
        let message = try #require(self.sent.elements.first)
        #expect(message.utf8.count < 4_096)
        #expect(message.hasSuffix("🔑"))
    }

    @Test(arguments: [(Int32(1), Notifier.Outcome.queued), (0, .noManager), (-111, .failed(errno: 111))])
    func `the outcome tells queued from unheard from failed`(result: Int32, outcome: Notifier.Outcome) {
        #expect(self.notifier(result: result).watchdogPing() == outcome)
    }

    @Test(arguments: [
        (Duration.zero, UInt64(0)), (.seconds(-3), 0), (.nanoseconds(1_999), 1), (.seconds(90), 90_000_000),
        (.seconds(Int64.max), .max), (.seconds(18_446_744_073_709) + .microseconds(551_616), .max),
    ])
    func `microseconds are whole and never wrap`(duration: Duration, microseconds: UInt64) {
        #expect(duration.wholeMicroseconds == microseconds)
    }

    @Test func `no extension is asked for as zero`() {
        self.notifier().extendTimeout(by: .zero)
        #expect(self.sent.elements == ["EXTEND_TIMEOUT_USEC=1"])
    }

    // In a process of its own, since the variable is the process's and libsystemd reads it.
    @Test func `the system's notifier reaches the socket that the manager names, and nobody without it`() async {
        await #expect(processExitsWith: .success) {
            guard unsafe unsetenv("NOTIFY_SOCKET") == 0, Notifier.system.ready() == .noManager else { exit(1) }

            // An abstract name: nothing is left on the disk.
            let name = "systemd-tests-\(getpid())"
            let socket = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            unsafe withUnsafeMutableBytes(of: &address.sun_path) { path in
                for (index, byte) in name.utf8.enumerated() { unsafe path[index + 1] = byte }
            }
            let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
            let bound = unsafe withUnsafePointer(to: address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(socket, $0, length) }
            }
            guard bound == 0, unsafe setenv("NOTIFY_SOCKET", "@\(name)", 1) == 0 else { exit(2) }

            guard Notifier.system.ready(status: "ready") == .queued else { exit(3) }
            var message = [UInt8](repeating: 0, count: 4_096)
            let count = unsafe recv(socket, &message, message.count, Int32(MSG_DONTWAIT))
            guard count > 0, String(decoding: message[..<count], as: UTF8.self) == "READY=1\nSTATUS=ready" else {
                exit(4)
            }
            exit(0)
        }
    }
}
