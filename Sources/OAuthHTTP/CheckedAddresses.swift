import RefreshCore
import Synchronization

/// Addresses that have passed the check, so that each is parsed once and not for every request.
///
/// They come out of the configuration, so there are few; what has no place any more is checked again each time.
final class CheckedAddresses: Sendable {
    private static let capacity = 64

    private let insecureLoopback: Bool
    private let known = Mutex<[String: String]>([:])

    init(insecureLoopback: Bool) { self.insecureLoopback = insecureLoopback }

    /// The address as the one strict parser has read it.
    ///
    /// - Returns: Nil for an address to which nothing may be sent.
    func checked(_ address: String) -> String? {
        if let text = self.known.withLock({ $0[address] }) { return text }
        guard let text = try? EndpointURL(address, insecureLoopback: self.insecureLoopback).text else { return nil }
        self.known.withLock { known in
            if known.count < Self.capacity { known[address] = text }
        }
        return text
    }
}
