import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// The certificate that a server shows, whoever signed it.
enum FoundCertificate {
    /// Connects once and returns the server's own certificate in PEM form.
    static func pem(host: String, port: Int) async throws -> String {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let context = try NIOSSLContext(configuration: .makeClientConfiguration())
        let found = group.next().makePromise(of: [UInt8].self)
        let bootstrap = ClientBootstrap(group: group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = try NIOSSLClientHandler(
                    context: context,
                    serverHostname: nil,
                    customVerificationCallback: { certificates, verified in
                        found.completeWith(Result { try certificates.first?.toDERBytes() ?? [] })
                        verified.succeed(.certificateVerified)
                    }
                )
                try channel.pipeline.syncOperations.addHandler(handler)
            }
        }
        do {
            let channel = try await bootstrap.connect(host: host, port: port).get()
            channel.closeFuture.whenComplete { _ in found.fail(ChannelError.eof) }
            let bytes = try await found.futureResult.get()
            // The server may have closed it first, and not as TLS has it; what is wanted has come.
            try? await channel.close()
            try await group.shutdownGracefully()
            let lines = Data(bytes).base64EncodedString(options: .lineLength64Characters)
            return "-----BEGIN CERTIFICATE-----\n\(lines)\n-----END CERTIFICATE-----\n"
        } catch {
            found.fail(error)
            try await group.shutdownGracefully()
            throw error
        }
    }
}
