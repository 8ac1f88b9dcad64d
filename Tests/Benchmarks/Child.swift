import Foundation

/// This program once more, for work whose memory or processor time must not be counted here.
struct Child {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    /// Starts it with other arguments.
    init(_ arguments: String...) throws {
        // Resolved here: in the child the link would be its own.
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        self.process.executableURL = URL(fileURLWithPath: program)
        self.process.arguments = arguments
        self.process.standardInput = self.input
        self.process.standardOutput = self.output
        try self.process.run()
    }

    /// The words of the next line it prints; blocks until there is one.
    ///
    /// - Throws: `ChildFailure` when it ended without one.
    func line() throws -> [String] {
        var bytes = Data()
        while bytes.last != UInt8(ascii: "\n") {
            let more = self.output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw ChildFailure() }
            bytes.append(more)
        }
        return String(decoding: bytes.dropLast(), as: UTF8.self).split(separator: " ").map(String.init)
    }

    /// Tells it to end by closing its standard input, and waits.
    func end() {
        try? self.input.fileHandleForWriting.close()
        self.process.waitUntilExit()
    }
}

struct ChildFailure: Error, CustomStringConvertible {
    var description: String { "the helper process ended early; its own words are above" }
}
