import Foundation
import RefreshCore

/// The two ways of refreshing that differ in their cost.
enum RefreshKind: String, CaseIterable {
    /// The refresh token stays good, so connections are kept between requests.
    case kept
    /// Each refresh token is good for one request, which has a connection of its own.
    case single

    var client: String { "bench-\(self.rawValue)" }

    var title: String {
        switch self {
        case .kept: "class N, kept-alive"
        case .single: "class S, a connection each"
        }
    }
}

/// The other end of `ProviderCommand`.
struct ProviderProcess {
    static let secret = "canary-secret"

    let folder: String
    let tokenURL: String
    private let child: Child

    /// Starts it with accounts for the engine and, beside them, one for each loop of plain requests.
    init(folder: String, accounts: Int, loops: Int) throws {
        self.folder = folder
        self.child = try Child("provider", folder, "\(accounts)", "\(loops)")
        self.tokenURL = try self.child.line().joined()
    }

    var caFile: String { "\(self.folder)/ca.pem" }

    func accounts(_ kind: RefreshKind) throws -> [MadeUpAccount] {
        try self.grants("\(kind.client)-user").map { words in
            MadeUpAccount(
                account: try AccountID(String(words[0])),
                accessToken: Secret(String(words[1])),
                refreshToken: Secret(String(words[2]))
            )
        }
    }

    func plainTokens(_ kind: RefreshKind) throws -> [String] {
        try self.grants("\(kind.client)-plain").map { String($0[2]) }
    }

    private func grants(_ file: String) throws -> [[Substring]] {
        try String(contentsOfFile: "\(self.folder)/\(file)", encoding: .utf8).split(separator: "\n")
            .map { $0.split(separator: " ") }
            .filter { $0.count == 3 }
    }

    func end() { self.child.end() }
}
