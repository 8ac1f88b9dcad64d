import ControlAPI

extension Output {
    /// One row for each lane and step; without the steps behind the last refresh.
    func lines(_ forecast: ForecastReply) -> [String] {
        var rows: [[Cell]] = []
        for lane in forecast.lanes {
            let clients = Cell(lane.clients.joined(separator: ",").escaped)
            let last = lane.refreshes.lastIndex { $0 > 0 } ?? -1
            if last < 0 { rows.append([clients, "-", "0", "-", "-"]) }
            for (index, count) in lane.refreshes.prefix(last + 1).enumerated() {
                let room = lane.rate.map { $0 * Double(forecast.step) }
                rows.append([
                    clients, Cell(self.time(forecast.at + index * forecast.step)), Cell("\(count)"),
                    Cell(room.map { Self.whole($0) } ?? "-"), room.map { Self.load(count, of: $0) } ?? "-",
                ])
            }
        }
        return Table.lines(["CLIENTS", "FROM", "REFRESHES", "ROOM FOR", "LOAD"], rows, self)
    }

    /// Rounded down: room for half a refresh is room for none.
    private static func whole(_ number: Double) -> String { number < 1e15 ? "\(Int(number))" : "-" }

    private static func load(_ count: Int, of room: Double) -> Cell {
        guard room > 0 else { return "-" }
        let share = Double(count) / room
        let percent = share < 1e6 ? "\(Int((share * 100).rounded(.up))) %" : "-"
        return Cell(percent, share > 1 ? .red : share > 0.8 ? .yellow : nil)
    }
}
