import ArgumentParser
import Foundation
import OAuth
import RefreshCore

/// refreshd's engine against any token endpoint, as one line of JSON for another program's table.
struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Refresh accounts at an endpoint that takes any refresh token, and print one line of JSON.",
        discussion: """
            Tokens are for testing only: a server's certificate is trusted as it is found. The server must read the whole \
            request before it answers, for the last byte is sent apart; one that answers a request's head alone has every \
            connection closed on it.
            """
    )

    @Argument(help: "The token endpoint.") var url: String
    @Argument(help: "Requests in flight.") var connections: Int
    @Argument(help: "How long to measure.") var seconds: Double
    @Option(help: "Accounts, each refreshed once, for every second.") var perSecond = 15_000

    func run() async throws {
        let endpoint = try EndpointURL(self.url, insecureLoopback: true)
        try await Scratch.withFolder { folder in
            var caFile: String?
            if endpoint.scheme == .https {
                let path = "\(folder)/found.pem"
                try await FoundCertificate.pem(host: endpoint.host, port: endpoint.port)
                    .write(toFile: path, atomically: false, encoding: .utf8)
                caFile = path
            }
            let store = try MadeUpStore(folder: folder)
            var accounts = try MadeUpStore.accounts(Int((self.seconds + 1) * Double(self.perSecond)), tokenBytes: 900)
            // As long as what such a server sends back.
            let refreshToken = Secret("rt-0123456789abcdef0123456789abcdef")
            for index in accounts.indices { accounts[index].refreshToken = refreshToken }
            try await store.fill(accounts) { _ in .zero }

            var profile = ProviderProfile(id: "practice", name: "Practice")
            // A new refresh token each time, and the old one stays good: connections are kept.
            profile.habit.rotation = .parallel
            let run = EngineRun(
                store: store,
                client: OAuthClient(
                    id: try ClientID("bench"),
                    profile: profile,
                    clientID: "cid",
                    clientSecret: Secret("sec"),
                    authenticationMethod: .clientSecretPost,
                    tokenEndpoint: self.url
                ),
                caFile: caFile,
                concurrency: self.connections
            )
            let done = try await run.measure(warmUp: 0.3, seconds: self.seconds)
            print(
                """
                {"label":"refreshd","connections":\(self.connections),"rps":\(done.perSecond.text(1)),"n":\(done.count),\
                "client_cpu_us":\(done.processorMicroseconds.text(2)),"commits":\(done.commits)}
                """
            )
        }
    }
}
