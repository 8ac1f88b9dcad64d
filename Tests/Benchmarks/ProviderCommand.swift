import ArgumentParser
import Dispatch
import Foundation
import PracticeProvider

/// The practice server in a process of its own, so that its processor time is not counted as the client's.
struct ProviderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "provider", shouldDisplay: false)

    @Argument var folder: String
    @Argument var accounts: Int
    @Argument var loops: Int

    func run() async throws {
        try await PracticeServer.withServer { server in
            for kind in RefreshKind.allCases {
                server.addClient(PracticeClient(id: kind.client, secret: ProviderProcess.secret, method: .post))
                // One second: an account is due again as soon as it has been refreshed.
                let terms = GrantTerms(rotation: kind == .kept ? .n : .s, lifetime: 1)
                for (subjects, count) in [("user", self.accounts), ("plain", self.loops)] {
                    let grants = try server.addGrants(
                        GrantOrder(client: kind.client, count: count, prefix: "\(subjects)-", terms: terms)
                    )
                    let lines = grants.map { "\($0.account) \($0.accessToken) \($0.refreshToken)\n" }.joined()
                    let path = "\(self.folder)/\(kind.client)-\(subjects)"
                    try lines.write(toFile: path, atomically: false, encoding: .utf8)
                }
            }
            try server.caCertificatePEM.write(toFile: "\(self.folder)/ca.pem", atomically: false, encoding: .utf8)
            FileHandle.standardOutput.write(Data("\(server.tokenURL)\n".utf8))
            await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    // Until whoever started this closes it, or dies.
                    _ = try? FileHandle.standardInput.readToEnd()
                    continuation.resume()
                }
            }
        }
    }
}
