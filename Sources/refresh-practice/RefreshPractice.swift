import ArgumentParser

/// An OAuth provider and a sink on loopback, to try refreshd with and to test it against.
@main
struct RefreshPractice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh-practice",
        abstract: "An OAuth 2.0 provider and a set_keys sink on loopback, for trying refreshd and for testing it.",
        discussion: """
            Its tokens open nothing. It answers to 127.0.0.1 only, over https with a root certificate of its own, and \
            notes every refresh token that is redeemed twice, every answer that never left whole and every delivery \
            that comes out of order: see /practice/summary.
            """,
        subcommands: [Serve.self]
    )
}
