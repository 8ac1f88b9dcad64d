import ControlAPI
import NIOCore
import RefreshCore
import RefreshEngine
import Varlink

// Calls that are about the daemon's own files.
extension CallRouter {
    func backup(_ call: IncomingCall) throws(Refusal) -> Handling {
        let upkeep = try self.upkeep(for: call)
        // Relative to what? The caller's folder is not the daemon's.
        guard let path = call.arguments["path"]?.string, path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw .varlink(.invalidParameter("path"))
        }
        return self.work(.changes, call) { _ in
            do {
                try await upkeep.backup(path)
            } catch {
                throw Refusal.control(.backupFailed(message: Self.line(error)))
            }
            return try VarlinkReply(EmptyReply()).framed
        }
    }

    /// Tells how far it is, where the caller has said `more`; when the caller leaves, it is done all the same.
    func rekey(_ call: IncomingCall) throws(Refusal) -> Handling {
        let upkeep = try self.upkeep(for: call)
        guard call.call.more else {
            return self.work(.changes, call) { _ in
                do {
                    return try VarlinkReply(RekeyReply(try await upkeep.rekey { _ in })).framed
                } catch {
                    throw Refusal.control(.rekeyFailed(message: Self.line(error)))
                }
            }
        }
        return .stream { outlet in
            do {
                let end = try await upkeep.rekey { progress in
                    guard let reply = try? VarlinkReply(RekeyReply(progress), continues: true) else { return }
                    _ = await outlet.send(reply.framed)
                }
                outlet.finish(try VarlinkReply(RekeyReply(end)).framed)
            } catch {
                outlet.finish(self.reply(to: .control(.rekeyFailed(message: Self.line(error)))).framed)
            }
        }
    }

    private func upkeep(for call: IncomingCall) throws(Refusal) -> Upkeep {
        guard call.caller.allowsSome(.admin) else { throw .control(.notAllowed) }
        guard let upkeep = self.upkeep else { throw .varlink(.methodNotImplemented(call.call.method)) }
        return upkeep
    }

    /// What follows the first line is for the log.
    private static func line(_ error: any Error) -> String { String("\(error)".prefix { !$0.isNewline }) }
}

extension RekeyReply {
    init(_ progress: Rekeyer.Progress) { self.init(done: progress.done, left: progress.left) }
}
