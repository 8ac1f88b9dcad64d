import RefreshCore

/// The authorizations on other devices: those that are asked after, and for a while those that are over.
///
/// There is room for so many that are under way. Nobody has to wait for one, so what a closed terminal leaves behind must
/// not stand in the way of the next: of one account the oldest makes room.
struct DeviceWaits {
    /// Under way, in all.
    static let limit = 256
    /// Under way, for one account.
    static let limitPerAccount = 4
    /// How long the end of one is told, counted from when its codes would have ended.
    static let memory: Duration = .seconds(600)

    /// In the order in which they began; at most twice the limit.
    private var waits: [DeviceWait] = []

    var underWay: [DeviceWait] { self.waits.filter { !$0.isOver } }

    var hasRoom: Bool { self.underWay.count < Self.limit }

    func wait(_ state: String) -> DeviceWait? { self.waits.first { $0.state == state } }

    /// - Returns: False when there is no room.
    mutating func insert(_ wait: DeviceWait, at now: Timestamp) -> Bool {
        let known = self.underWay.filter { $0.account == wait.account }
        if known.count >= Self.limitPerAccount { known.first?.end(.failure(.unknownAuthorization)) }
        guard self.hasRoom else { return false }
        self.waits.removeAll { $0.isOver && $0.expiresAt + Self.memory <= now }
        if self.waits.count >= 2 * Self.limit, let over = self.waits.firstIndex(where: \.isOver) {
            self.waits.remove(at: over)
        }
        self.waits.append(wait)
        return true
    }
}
