import Foundation
import RefreshCore
@testable import Sinks
import Testing

@Suite struct SetKeysCallTests {
    @Test func `whatever bytes a token has, an independent parser reads them back and nothing else`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SplitMix(state: seed)
        let alphabet = Array("abcXYZ019-._~!*'();:@&=+$,/?#[]% \"<>\\^`{|}\t\n\r\u{0}éß中🔑".unicodeScalars)
        let settings = try Delivery.settings("https://social.example.com")
        for _ in 0..<20_000 {
            var token = "canary-"
            for _ in 0..<Int.random(in: 1...40, using: &generator) {
                token.unicodeScalars.append(alphabet.randomElement(using: &generator) ?? "a")
            }
            let message = try Delivery.message(accessToken: Secret(token), tokenType: token)
            let address = try SetKeysCall(message, settings: settings).address.reveal()
            let parts = try #require(URLComponents(string: address), "seed \(seed)")
            let isWhole =
                parts.scheme == "https" && parts.host == "social.example.com" && parts.port == nil && parts.user == nil
                && parts.path == "/gdrive/set_keys" && parts.fragment == nil
                && parts.queryItems == [
                    URLQueryItem(name: "public_key", value: "demopublickey"),
                    URLQueryItem(name: "access_token", value: token),
                    URLQueryItem(name: "token_type", value: token),
                ]
            try #require(isWhole, "seed \(seed)")
        }
    }
}

/// A seeded source of randomness, so that a failure can be repeated.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
