import Glibc
import Testing

@testable import Systemd

/// A log that nobody reads (I12).
@Suite struct StandardErrorTests {
    private static func pipe() throws -> (reader: CInt, writer: CInt) {
        var ends: [CInt] = [-1, -1]
        try #require(unsafe Glibc.pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    private static func read(_ descriptor: CInt) -> String {
        var text: [UInt8] = []
        var look = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while unsafe poll(&look, 1, 0) == 1, look.revents & Int16(POLLIN) != 0 {
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
            guard count > 0 else { break }
            text += bytes.prefix(count)
        }
        return String(decoding: text, as: UTF8.self)
    }

    @Test func `a full pipe stops nobody, and the lines that were lost are counted`() throws {
        let (reader, writer) = try Self.pipe()
        defer {
            close(reader)
            close(writer)
        }
        let output = StandardError(descriptor: writer)
        let line = Array((String(repeating: "x", count: 999) + "\n").utf8)
        // Far more than any pipe holds; a write that waited would never come back.
        for _ in 0..<2_000 { output.write(line) }
        let lost = output.lost
        #expect(lost > 0 && lost < 2_000)
        let before = Self.read(reader)
        #expect(before.split(separator: "\n").count { $0.count == 999 } == 2_000 - lost)
        output.write(Array("after\n".utf8))
        #expect(output.lost == 0)
        let after = Self.read(reader)
        #expect(after.hasSuffix("\nafter\n") || after.hasPrefix("WARNING"))
        #expect(after.contains("lost=\(lost)\nafter\n"))
        output.write(Array("and on\n".utf8))
        #expect(Self.read(reader) == "and on\n")
    }

    @Test func `a line longer than a pipe takes at once is whole, or torn and counted`() throws {
        let (reader, writer) = try Self.pipe()
        defer {
            close(reader)
            close(writer)
        }
        let output = StandardError(descriptor: writer)
        let long = String(repeating: "y", count: 10_000) + "\n"
        output.write(Array(long.utf8))
        #expect(Self.read(reader) == long)
        output.write(Array((String(repeating: "z", count: 1_000_000) + "\n").utf8))
        #expect(output.lost == 1)
        _ = Self.read(reader)
        output.write(Array("next\n".utf8))
        #expect(Self.read(reader) == "\nWARNING lines of the log were lost, for nobody read them lost=1\nnext\n")
    }

    @Test func `a reader that is gone ends nobody`() throws {
        signal(SIGPIPE, SIG_IGN)
        let (reader, writer) = try Self.pipe()
        close(reader)
        let output = StandardError(descriptor: writer)
        output.write(Array("x\n".utf8))
        #expect(output.lost == 1)
        close(writer)
    }
}

/// A journald that does not read (I12).
@Suite struct JournalRoomTests {
    private static func address(_ path: String) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        return address
    }

    private static func with(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = self.address(path)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    @Test func `a queue that is full is seen beforehand, and so is its end`() throws {
        let path = "/tmp/refreshd-room-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { _ = unsafe unlink(path) }
        let kind = CInt(SOCK_DGRAM.rawValue)
        let (journal, client) = (socket(AF_UNIX, kind, 0), socket(AF_UNIX, kind, 0))
        defer {
            close(journal)
            close(client)
        }
        try #require(unsafe Self.with(path) { unsafe bind(journal, $0, $1) } == 0)
        try #require(unsafe Self.with(path) { unsafe connect(client, $0, $1) } == 0)
        let room = JournalRoom(path: path)
        #expect(room.isThere)
        let entry: [UInt8] = [1]
        var sent = 0
        while sent < 100_000, unsafe send(client, entry, 1, CInt(MSG_DONTWAIT)) == 1 { sent += 1 }
        #expect(sent < 100_000 && !room.isThere)
        var byte: UInt8 = 0
        for _ in 0..<sent { #expect(unsafe recv(journal, &byte, 1, CInt(MSG_DONTWAIT)) == 1) }
        #expect(room.isThere)
    }

    @Test func `without journald nothing is held back`() {
        #expect(JournalRoom(path: "/nowhere/at/all").isThere)
        #expect(JournalRoom(path: String(repeating: "x", count: 500)).isThere)
    }
}
