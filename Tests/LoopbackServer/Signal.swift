/// Something that happens once, told from one task to others.
package final class Signal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    package init() { (self.stream, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    package func send() { self.continuation.finish() }

    /// Returns once it has happened, or the calling task is cancelled.
    package func wait() async { for await _ in self.stream {} }
}
