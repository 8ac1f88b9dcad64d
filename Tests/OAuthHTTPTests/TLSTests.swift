import Crypto
import Foundation
import LoopbackServer
import NIOSSL
import OAuthHTTP
import RefreshCore
import SwiftASN1
import Testing
import X509

/// Whom the client believes, with an authority made for the test.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    enum Flaw: CaseIterable {
        case unknownRoot, wrongHost, expired, notYetValid, selfSigned, oldProtocol
    }

    @Test func `a certificate of the private root is accepted for its address`() async throws {
        let authority = try Authority()
        let status = try await Self.send(to: authority.server(), trusting: authority).0.answer?.status
        #expect(status == 200)
    }

    @Test(arguments: Flaw.allCases)
    func `a flawed certificate or protocol is not sent to, not even a part of the body`(flaw: Flaw) async throws {
        let authority = try Authority()
        var trusted = authority
        let server: TLSConfiguration
        switch flaw {
        case .unknownRoot:
            server = try authority.server()
            trusted = try Authority()
        case .wrongHost: server = try authority.server(address: [127, 0, 0, 2])
        case .expired: server = try authority.server(validFrom: -20 * 86_400, to: -86_400)
        case .notYetValid: server = try authority.server(validFrom: 86_400, to: 20 * 86_400)
        case .selfSigned: server = try Authority().selfSigned()
        case .oldProtocol:
            var old = try authority.server()
            old.minimumTLSVersion = .tlsv1
            old.maximumTLSVersion = .tlsv11
            server = old
        }
        let (result, received) = try await Self.send(to: server, trusting: trusted)
        #expect(result.error == .notSent(.tls))
        #expect(received.bytes.isEmpty)
    }

    private static func send(
        to tls: TLSConfiguration,
        trusting authority: Authority
    ) async throws -> (Result<RawAnswer, EndpointError>, LoopbackServer.Received) {
        let file = FileManager.default.temporaryDirectory.appending(path: "refreshd-ca-\(UUID().uuidString).pem")
        try authority.certificate.serializeAsPEM().pemString.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let options = ClientOptions(caFile: file.path)
        return try await LoopbackServer.serving(tls: tls) { conversation in
            try await conversation.readRequest()
            try await conversation.answer("200 OK", body: "{}")
        } body: { server in
            try await Exchange.with(options) { exchange in
                let result = await exchange.send(Exchange.request("https://127.0.0.1:\(server.port)/token"))
                return (result, server.received())
            }
        }
    }
}

/// A certificate authority that lives as long as a test.
private struct Authority: Sendable {
    let certificate: Certificate
    private let key: Certificate.PrivateKey
    private let name: DistinguishedName

    init() throws {
        self.key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        self.name = try DistinguishedName { CommonName("refreshd test authority") }
        self.certificate = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: self.key.publicKey,
            notValidBefore: Date(timeIntervalSinceNow: -30 * 86_400),
            notValidAfter: Date(timeIntervalSinceNow: 30 * 86_400),
            issuer: self.name,
            subject: self.name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
            },
            issuerPrivateKey: self.key
        )
    }

    /// A server whose certificate is issued by the authority; validity in seconds from now.
    func server(
        address: [UInt8] = [127, 0, 0, 1],
        validFrom: TimeInterval = -86_400,
        to validTo: TimeInterval = 86_400
    ) throws -> TLSConfiguration {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let leaf = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSinceNow: validFrom),
            notValidAfter: Date(timeIntervalSinceNow: validTo),
            issuer: self.name,
            subject: try DistinguishedName { CommonName("refreshd test server") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                SubjectAlternativeNames([.ipAddress(ASN1OctetString(contentBytes: address[...]))])
            },
            issuerPrivateKey: self.key
        )
        return try Self.configuration(leaf, key)
    }

    /// A server that shows the authority's own certificate.
    func selfSigned() throws -> TLSConfiguration { try Self.configuration(self.certificate, self.key) }

    private static func configuration(_ leaf: Certificate, _ key: Certificate.PrivateKey) throws -> TLSConfiguration {
        try TLSConfiguration.makeServerConfiguration(
            certificateChain: [
                .certificate(NIOSSLCertificate(bytes: Array(leaf.serializeAsPEM().pemString.utf8), format: .pem))
            ],
            privateKey: .privateKey(NIOSSLPrivateKey(bytes: Array(key.serializeAsPEM().pemString.utf8), format: .pem))
        )
    }
}
