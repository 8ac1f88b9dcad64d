import Glibc
import Testing

@testable import Systemd

@Suite struct SocketActivationTests {
    /// A Unix stream socket at an abstract name that the kernel picks; listening if asked for.
    private static func unixSocket(listening: Bool) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var family = sa_family_t(AF_UNIX)
        let bound = unsafe withUnsafePointer(to: &family) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, 2) }
        }
        try #require(bound == 0)
        if listening {
            try #require(listen(descriptor, 1) == 0)
        }
        return descriptor
    }

    @Test func `the socket is picked by its name`() throws {
        let descriptor = try Self.unixSocket(listening: true)
        defer { close(descriptor) }
        let activation = SocketActivation(descriptors: [
            .init(name: "stored", number: 0), .init(name: "control", number: descriptor),
        ])
        #expect(try activation.listeningUnixSocket(named: "control") == descriptor)
    }

    @Test func `a socket that was not passed is nil, and no error`() throws {
        #expect(try SocketActivation(descriptors: []).listeningUnixSocket(named: "control") == nil)
        #expect(
            try SocketActivation(descriptors: [.init(name: "other", number: 0)]).listeningUnixSocket(named: "control")
                == nil
        )
    }

    @Test func `two sockets of one name are refused`() throws {
        let activation = SocketActivation(descriptors: [
            .init(name: "control", number: 3), .init(name: "control", number: 4),
        ])
        #expect(throws: SocketActivationError.ambiguous(name: "control", count: 2)) {
            try activation.listeningUnixSocket(named: "control")
        }
    }

    @Test func `a socket that does not listen is refused`() throws {
        let descriptor = try Self.unixSocket(listening: false)
        defer { close(descriptor) }
        let activation = SocketActivation(descriptors: [.init(name: "control", number: descriptor)])
        #expect(throws: SocketActivationError.notListeningUnixStream(name: "control")) {
            try activation.listeningUnixSocket(named: "control")
        }
    }

    @Test func `a listening socket of another family is refused`() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        try #require(listen(descriptor, 1) == 0)
        let activation = SocketActivation(descriptors: [.init(name: "control", number: descriptor)])
        #expect(throws: SocketActivationError.notListeningUnixStream(name: "control")) {
            try activation.listeningUnixSocket(named: "control")
        }
    }

    // In a process of its own: the variables and the numbers from 3 on are the process's.
    @Test func `what was passed to this process is taken over with its names and closed for children`() async {
        await #expect(processExitsWith: .success) {
            guard let listener = try? Self.unixSocket(listening: true) else { exit(1) }
            // Numbers 3 to 18 count as passed; what is already open among them keeps its place and plays the others.
            let last: Int32 = 18
            let null = unsafe open("/dev/null", O_RDONLY)
            for number in 3..<last where fcntl(number, F_GETFD) < 0 {
                dup2(null, number)
            }
            dup2(listener, last)
            let names = Array(repeating: "other", count: Int(last) - 3) + ["control"]
            unsafe setenv("LISTEN_PID", "\(getpid())", 1)
            unsafe setenv("LISTEN_FDS", "\(last - 2)", 1)
            unsafe setenv("LISTEN_FDNAMES", names.joined(separator: ":"), 1)

            guard let activation = try? SocketActivation.inherited() else { exit(2) }
            guard activation.descriptors.count == 16, activation.descriptors.first?.name == "other" else { exit(3) }
            guard (try? activation.listeningUnixSocket(named: "control")) == last else { exit(4) }
            guard fcntl(last, F_GETFD) & FD_CLOEXEC != 0 else { exit(5) }

            // Another process's sockets, inherited by accident, are not ours.
            unsafe setenv("LISTEN_PID", "1", 1)
            guard (try? SocketActivation.inherited())?.descriptors == [] else { exit(6) }
            unsafe unsetenv("LISTEN_PID")
            guard (try? SocketActivation.inherited())?.descriptors == [] else { exit(7) }
            exit(0)
        }
    }
}
