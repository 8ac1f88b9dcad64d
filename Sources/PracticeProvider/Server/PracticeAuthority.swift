import Crypto
import FoundationEssentials
import NIOSSL
import SwiftASN1
import X509

/// A certificate authority for loopback and for nobody else: P-256, its key in plain text.
package struct PracticeAuthority: Hashable, Sendable {
    package let certificatePEM: String
    /// PKCS #8.
    ///
    /// Whoever has it can pose as this server to those who trust the certificate.
    package let privateKeyPEM: String

    /// For how long what is made here is valid.
    ///
    /// Long, for a directory that is used again next year.
    private static let lifetime: Double = 10 * 365 * 86_400

    /// Makes a new one.
    package init() throws {
        let key = P256.Signing.PrivateKey()
        let name = try DistinguishedName { CommonName("refresh-practice throw-away root") }
        let certificate = try Self.certificate(
            for: Certificate.PublicKey(key.publicKey),
            subject: name,
            issuer: name,
            signedBy: key,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: Certificate.PublicKey(key.publicKey))
            }
        )
        self.certificatePEM = try certificate.serializeAsPEM().pemString
        self.privateKeyPEM = key.pemRepresentation
    }

    /// Takes one that was kept.
    ///
    /// - Throws: When the two texts are not a certificate and a P-256 key, or do not belong together.
    package init(certificatePEM: String, privateKeyPEM: String) throws {
        let key = try P256.Signing.PrivateKey(pemRepresentation: privateKeyPEM)
        let certificate = try Certificate(pemEncoded: certificatePEM)
        guard certificate.publicKey == Certificate.PublicKey(key.publicKey) else {
            throw PracticeError.badOrder("the authority's key does not belong to its certificate")
        }
        self.certificatePEM = certificatePEM
        self.privateKeyPEM = privateKeyPEM
    }

    /// What the server shows: a certificate for 127.0.0.1, ::1 and localhost, made anew.
    func serverConfiguration() throws -> TLSConfiguration {
        let rootKey = try P256.Signing.PrivateKey(pemRepresentation: self.privateKeyPEM)
        let root = try Certificate(pemEncoded: self.certificatePEM)
        let key = P256.Signing.PrivateKey()
        let certificate = try Self.certificate(
            for: Certificate.PublicKey(key.publicKey),
            subject: try DistinguishedName { CommonName("localhost") },
            issuer: root.subject,
            signedBy: rootKey,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames([
                    .dnsName("localhost"),
                    .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
                    .ipAddress(ASN1OctetString(contentBytes: ArraySlice([UInt8](repeating: 0, count: 15) + [1]))),
                ])
            }
        )
        let shown = try NIOSSLCertificate(bytes: Array(certificate.serializeAsPEM().derBytes), format: .der)
        let secret = try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(shown)],
            privateKey: .privateKey(secret)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        return configuration
    }

    private static func certificate(
        for key: Certificate.PublicKey,
        subject: DistinguishedName,
        issuer: DistinguishedName,
        signedBy signer: P256.Signing.PrivateKey,
        extensions: Certificate.Extensions
    ) throws -> Certificate {
        // The host's clock, never the injected one: those who verify go by theirs.
        let now = Date()
        return try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: key,
            // An hour back, for a clock that is set back between two starts.
            notValidBefore: now.addingTimeInterval(-3_600),
            notValidAfter: now.addingTimeInterval(Self.lifetime),
            issuer: issuer,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: extensions,
            issuerPrivateKey: Certificate.PrivateKey(signer)
        )
    }
}
