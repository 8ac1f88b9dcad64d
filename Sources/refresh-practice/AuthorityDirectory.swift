import FoundationEssentials
import PracticeProvider

/// Where the certificate authority is kept: `ca.pem` for those who trust it, `ca.key` for the server alone.
struct AuthorityDirectory {
    var path: String

    /// The authority that is kept here, or a new one that is from now on.
    func authority() throws -> PracticeAuthority {
        let (certificate, key) = (self.path + "/ca.pem", self.path + "/ca.key")
        let files = FileManager.default
        if files.fileExists(atPath: certificate), files.fileExists(atPath: key) {
            return try PracticeAuthority(
                certificatePEM: try String(contentsOfFile: certificate, encoding: .utf8),
                privateKeyPEM: try String(contentsOfFile: key, encoding: .utf8)
            )
        }
        try files.createDirectory(atPath: self.path, withIntermediateDirectories: true)
        let authority = try PracticeAuthority()
        // The key first: a certificate without its key would be trusted and never shown.
        try PlainFile(path: key).write(authority.privateKeyPEM, mode: 0o600)
        try PlainFile(path: certificate).write(authority.certificatePEM, mode: 0o644)
        return authority
    }
}
