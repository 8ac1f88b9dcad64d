@testable import ControlServer
import Dispatch
import Glibc
import NIOCore
import NIOPosix
import RefreshCore
import TestSupport
import Testing

@Suite struct ListeningSocketTests {
    private func status(_ path: String) -> stat? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status : nil
    }

    @Test func `the socket is open to its group and nobody else, and goes when service ends`() async throws {
        let rig = try Rig(endpoint: { .path($0, group: getegid()) })
        try await rig.serve {
            let status = try #require(self.status(rig.path))
            #expect(status.st_mode & S_IFMT == S_IFSOCK)
            #expect(status.st_mode & 0o777 == 0o660)
            #expect(status.st_gid == getegid())
        }
        #expect(self.status(rig.path) == nil)
    }

    @Test func `a socket that a dead daemon left behind is replaced`() async throws {
        let rig = try Rig()
        let dead = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        #expect(unsafe RawPeer.withAddress(rig.path) { unsafe bind(dead, $0, $1) } == 0)
        close(dead)
        try await rig.serve {
            let peer = try rig.connect()
            #expect(try await peer.answer("Status").error == nil)
        }
    }

    @Test func `a live daemon keeps its socket`() async throws {
        let (first, second) = (try Rig(), try Rig())
        try await first.serve {
            let late = try Rig(endpoint: { _ in .path(first.path, group: nil) })
            await #expect(throws: ListenError.inUse(first.path)) { try await late.serve {} }
            #expect(try await (try first.connect()).answer("Status").error == nil)
        }
        try await second.serve {}
    }

    @Test func `nothing but a dead socket is removed`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(Array("kept".utf8), to: "file")
        try folder.write([], to: "target")
        try #require(unsafe symlink(folder.path("target"), folder.path("link")) == 0)
        try #require(unsafe symlink(folder.path("nowhere"), folder.path("dangling")) == 0)
        try #require(unsafe mkdir(folder.path("folder"), 0o700) == 0)
        try #require(unsafe mkfifo(folder.path("pipe"), 0o600) == 0)
        for (name, what) in [
            ("file", "a regular file"), ("link", "a symbolic link"), ("dangling", "a symbolic link"),
            ("folder", "a folder"), ("pipe", "a special file"),
        ] {
            let path = folder.path(name)
            #expect(throws: ListenError.notASocket(path, what: what)) {
                try ListeningSocket(.path(path, group: nil))
            }
            #expect(self.status(path) != nil)
        }
        #expect(try folder.bytes("file") == Array("kept".utf8))
    }

    @Test func `a path that is too long is told, and nothing is made`() throws {
        let path = "/tmp/" + String(repeating: "x", count: 103)
        #expect(throws: ListenError.pathTooLong(path)) { try ListeningSocket(.path(path, group: nil)) }
        #expect(throws: ListenError.self) { try ListeningSocket(.path("/nowhere/at/all.sock", group: nil)) }
    }

    @Test func `a name that another daemon has taken over is left to it`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("c.sock")
        let old = try ListeningSocket(.path(path, group: nil))
        defer { close(old.descriptor) }
        try #require(unsafe unlink(path) == 0)
        let new = try ListeningSocket(.path(path, group: nil))
        defer { close(new.descriptor) }
        old.unlinkOwn()
        #expect(self.status(path) != nil)
        new.unlinkOwn()
        #expect(self.status(path) == nil)
    }

    @Test func `an inherited socket is served and left to the service manager`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("s.sock")
        // As the manager does: it binds, listens, and keeps a descriptor of its own.
        let manager = try ListeningSocket(.path(path, group: nil))
        defer { close(manager.descriptor) }
        for _ in 0..<2 {
            let rig = try Rig(endpoint: { _ in .inherited(descriptor: dup(manager.descriptor)) })
            try await rig.serve {
                let peer = try RawPeer(path)
                #expect(try await peer.answer("Status").error == nil)
            }
            // Between two daemons nobody is refused: the kernel keeps them for the next.
            #expect(self.status(path) != nil)
            _ = try RawPeer(path)
        }
    }

    @Test func `a burst of connections turns nobody away while the server is busy`() async throws {
        let rig = try Rig()
        try await rig.serve {
            let free = DispatchSemaphore(value: 0)
            let loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator())
            for loop in loops { loop.execute { free.wait() } }
            defer { for _ in loops { free.signal() } }
            // NIO's own queue is one of 128.
            _ = try (0..<300).map { _ in try RawPeer(rig.path, waits: false) }
        }
    }

    @Test func `every error is one line`() {
        let errors: [ListenError] = [
            .pathTooLong("/p"), .notASocket("/p", what: "a folder"), .foreign("/p", owner: 7), .inUse("/p"),
            .failed("/p", doing: "bind", reason: "no"),
        ]
        for error in errors { #expect(error.description.contains("/p") && !error.description.contains("\n")) }
    }
}
