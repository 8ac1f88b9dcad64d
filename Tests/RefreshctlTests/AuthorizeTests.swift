import ControlAPI
import Glibc
import NIOCore
import NIOPosix
import Testing
import Varlink

@testable import refreshctl

/// `authorize` between a browser and a daemon that are played.
///
/// One after the other: a program listens to its signals in one place.
@Suite(.serialized) struct AuthorizeTests {
    private static let state = "0123456789abcdef0123456789"

    /// What a page that is loaded from the listener says; empty if it is closed without a word.
    private static func load(_ request: String, port: Int) async throws -> String {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var page = ByteBuffer()
            do {
                try await outbound.write(ByteBuffer(string: request + "\r\nHost: 127.0.0.1\r\n\r\n"))
                for try await part in inbound { page.writeImmutableBuffer(part) }
            } catch {
                // Closed with something unread; what came before counts.
            }
            return String(buffer: page)
        }
    }

    /// Runs the command, and a browser once there is an address to come back to.
    private static func authorize(
        completing reply: @escaping @Sendable () -> VarlinkReply,
        _ browser: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> (Outcome, [VarlinkCall]) {
        let (addresses, source) = AsyncStream.makeStream(of: String.self)
        async let visited: Void = {
            for await address in addresses {
                let port = address.split(separator: ":").last?.split(separator: "/").first.flatMap { Int($0) }
                try await browser(try #require(port))
                return
            }
        }()
        let ended = try await CommandTests.run(["authorize", "a/b"]) { call in
            guard call.method.hasSuffix(".BeginAuthorization") else { return [reply()] }
            source.yield(call.arguments["redirect_uri"]?.string ?? "")
            source.finish()
            let begun =
                #"{"url":"https://id.example/a","state":"\#(Self.state)","expires_at":\#(time(nil) + 600)}"#
            return [VarlinkReply(parameters: ByteBuffer(string: begun))]
        }
        source.finish()
        try await visited
        return ended
    }

    @Test func `only who brings the state is passed on, with the whole address`() async throws {
        let (status, calls) = try await Self.authorize {
            VarlinkReply(parameters: ByteBuffer(string: #"{"account":\#(CommandTests.account)}"#))
        } _: { port in
            for stranger in [
                "GET / HTTP/1.1", "GET /favicon.ico HTTP/1.1", "GET /callback?code=canary-c&state=guessed HTTP/1.1",
                "GET /elsewhere?state=\(Self.state) HTTP/1.1",
            ] {
                #expect(try await Self.load(stranger, port: port).hasPrefix("HTTP/1.1 404 "), "\(stranger)")
            }
            for noise in [
                "POST /callback?code=canary-c&state=\(Self.state) HTTP/1.1", "GET", "\u{16}\u{3}\u{1}",
                "GET /callback?state=\(Self.state) \u{1B}", "GET /" + String(repeating: "a", count: 40_000),
            ] {
                #expect(try await Self.load(noise, port: port).isEmpty, "\(noise.prefix(20))")
            }
            let target = "/callback?code=canary-c&state=\(Self.state)&iss=https%3A%2F%2Fid.example"
            let page = try await Self.load("GET \(target) HTTP/1.1", port: port)
            #expect(page.hasPrefix("HTTP/1.1 200 ") && !page.contains("canary-"))
        }
        #expect(status == .done)
        #expect(calls.map(\.method.suffixAfterDot) == ["BeginAuthorization", "CompleteAuthorization"])
        let redirectURI = try #require(calls.first?.arguments["redirect_uri"]?.string)
        #expect(redirectURI.hasPrefix("http://127.0.0.1:") && redirectURI.hasSuffix("/callback"))
        #expect(
            calls.last?.arguments["callback"]?.string
                == "\(redirectURI)?code=canary-c&state=\(Self.state)&iss=https%3A%2F%2Fid.example"
        )
    }

    @Test func `a refusal is told to the browser too`() async throws {
        let (status, _) = try await Self.authorize {
            VarlinkReply(error: .authorizationFailed(error: "access_denied", description: nil))
        } _: { port in
            let page = try await Self.load("GET /callback?error=access_denied&state=\(Self.state) HTTP/1.1", port: port)
            #expect(page.hasPrefix("HTTP/1.1 400 "))
        }
        #expect(status == .failed)
    }

    @Test(arguments: [
        ["--paste", "--device"], ["--device", "--scope", "a"], ["--redirect-uri", "https://app.example/"],
        ["--port", "1", "--paste"], ["--port", "70000"],
    ])
    func `options that do not go together ask for nothing`(options: [String]) async throws {
        let (status, calls) = try await CommandTests.run(["authorize", "a/b"] + options) { _ in [VarlinkReply()] }
        #expect(status == .wrongUsage && calls.isEmpty)
    }
}

extension String {
    fileprivate var suffixAfterDot: String { self.split(separator: ".").last.map(String.init) ?? "" }
}
