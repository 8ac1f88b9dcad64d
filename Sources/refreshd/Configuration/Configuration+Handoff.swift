extension HandoffConfiguration {
    /// Reads `[handoff]`; nil without a socket, so that nothing listens which nobody asked for.
    init?(_ table: TableReader) {
        let socketPath = table.path("socket", atMost: Configuration.Limits.socketPathLength)
        let group = table.text("group").flatMap { name in
            // A name wins over a number that looks the same, as it does for chown.
            let number = table.findings.environment.groupNumber(name) ?? UInt32(name)
            if number == nil {
                table.report("group", "there is no group of this name", "name the group of the site's proxy")
            }
            return number
        }
        let mode = table.word("mode", as: Mode.self) ?? .ownerAndGroup
        if !table.has("socket") {
            for key in ["group", "mode"] where table.has(key) {
                table.report(key, "has no effect without a socket", "write socket = \"/run/refreshd/handoff.sock\"")
            }
        }
        table.finish()
        guard let socketPath else { return nil }
        self.init(socketPath: socketPath, group: group, mode: mode)
    }
}
