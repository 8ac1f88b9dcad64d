import AsyncHTTPClient
import NIOCore
import NIOHTTP1
package import RefreshCore

extension HTTPTokenEndpoint: MetadataSource {
    /// How long a document may take, its connection included.
    private static let documentTimeout: Duration = .seconds(10)

    /// Reads a document under the limits that hold for answers: no redirect, no coding, no more than `largestBody`.
    package func document(at url: String) async throws(EndpointError) -> RawAnswer {
        guard let url = self.addresses.checked(url) else { throw .notSent(.held) }
        var message = HTTPClientRequest(url: url)
        message.method = .GET
        message.headers.add(name: "accept", value: "application/json")
        message.headers.add(name: "accept-encoding", value: "identity")
        let request = message
        let (client, clock) = (self.pooled, self.clock)
        // The first to end decides; the other is cancelled.
        let ended = await withTaskGroup(of: Result<RawAnswer, EndpointError>.self) { group in
            group.addTask {
                do {
                    let response = try await client.execute(request, deadline: .distantFuture)
                    return .success(try await Self.read(response))
                } catch {
                    return .failure(.unknown(EndpointError.Reason(error, isConnected: true)))
                }
            }
            group.addTask {
                try? await clock.sleep(until: clock.now + Self.documentTimeout, tolerance: .seconds(1))
                return .failure(.unknown(.timeout))
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? .failure(.notSent(.held))
        }
        return try ended.get()
    }
}
