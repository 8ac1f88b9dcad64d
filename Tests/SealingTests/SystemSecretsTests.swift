import Sealing
import Testing

@Suite struct SystemSecretsTests {
    @Test func `the digest is the one of RFC 7636's example`() {
        let verifier = Array("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".utf8)
        #expect(
            SystemSecrets().digest(of: verifier) == [
                19, 211, 30, 150, 26, 26, 216, 236, 47, 22, 177, 12, 76, 152, 46, 8, 118, 168, 120, 173, 109, 241, 68,
                86, 110, 225, 137, 74, 203, 112, 249, 195,
            ]
        )
    }

    @Test func `no two secrets are the same`() {
        let secrets = (0..<100).map { _ in SystemSecrets().bytes(32) }
        #expect(Set(secrets).count == 100 && secrets.allSatisfy { $0.count == 32 })
    }
}
