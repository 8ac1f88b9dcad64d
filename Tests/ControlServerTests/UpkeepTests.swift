import ControlAPI
import ControlServer
import RefreshCore
import RefreshEngine
import Synchronization
import Testing
import Varlink

/// Backups and rekeying, as far as the socket has to do with them.
@Suite struct UpkeepTests {
    private struct Fault: Error, CustomStringConvertible {
        var description: String { "/b cannot be written\nand more" }
    }

    private static func upkeep(_ paths: Paths = Paths()) -> Upkeep {
        Upkeep(
            backup: { path in paths.all.withLock { $0.append(path) } },
            rekey: { tell in
                await tell(Rekeyer.Progress(done: 256, left: 0))
                return Rekeyer.Progress(done: 300, left: 1)
            }
        )
    }

    private final class Paths: Sendable {
        let all = Mutex<[String]>([])
    }

    @Test func `a backup is made at the path that is named, if it is absolute`() async throws {
        let paths = Paths()
        let rig = try Rig(upkeep: Self.upkeep(paths))
        try await rig.serve {
            let peer = try rig.connect()
            #expect(try await peer.answer("Backup", #"{"path":"/var/lib/refreshd/copy"}"#).error == nil)
            for path in ["copy", "", "./copy", "/a\\u0000b"] {
                let refused = try await peer.call("Backup", #"{"path":"\#(path)"}"#)
                #expect(refused.contains("InvalidParameter"), "\(path)")
            }
            #expect(paths.all.withLock(\.self) == ["/var/lib/refreshd/copy"])
        }
    }

    @Test func `a rekey tells its end, and the way to it to who wants more`() async throws {
        let rig = try Rig(upkeep: Self.upkeep())
        try await rig.serve {
            let peer = try rig.connect()
            let answer = try await peer.answer("Rekey")
            #expect(answer.parameters["done"]?.int == 300 && answer.parameters["left"]?.int == 1)
            peer.write(RawPeer.text("Rekey", "{}", #","more":true"#))
            let (first, last) = (await peer.message() ?? "", await peer.message() ?? "")
            #expect(first.contains(#""done":256"#) && first.contains(#""continues":true"#))
            #expect(last.contains(#""done":300"#) && !last.contains("continues"))
        }
    }

    @Test func `what fails is told in one line`() async throws {
        let rig = try Rig(upkeep: Upkeep(backup: { _ in throw Fault() }, rekey: { _ in throw Fault() }))
        try await rig.serve {
            let peer = try rig.connect()
            for (method, arguments, error) in [
                ("Backup", #"{"path":"/b"}"#, "BackupFailed"), ("Rekey", "{}", "RekeyFailed"),
            ] {
                let answer = try await peer.answer(method, arguments)
                #expect(answer.error == error)
                #expect(answer.parameters["message"]?.string == "/b cannot be written")
            }
            #expect(try await peer.call("Rekey", "{}", #","more":true"#).contains("RekeyFailed"))
        }
    }

    @Test func `neither is for those who may do everything but administer`() async throws {
        let rig = try Rig(rule: Rig.rule([.read, .write, .refresh, .watch], "*"), upkeep: Self.upkeep())
        try await rig.serve {
            let peer = try rig.connect()
            #expect(try await peer.answer("Backup", #"{"path":"/b"}"#).error == "NotAllowed")
            #expect(try await peer.answer("Rekey").error == "NotAllowed")
        }
    }

    @Test func `where there is nothing to keep up, the methods are not implemented`() async throws {
        let rig = try Rig()
        try await rig.serve {
            let peer = try rig.connect()
            #expect(try await peer.call("Backup", #"{"path":"/b"}"#).contains("MethodNotImplemented"))
            #expect(try await peer.call("Rekey").contains("MethodNotImplemented"))
        }
    }
}
