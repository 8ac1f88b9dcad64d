/// An account's name, `client/subject`, checked before it is sent: so a slip of the keyboard is named here, in words.
struct AccountName: Hashable, Sendable {
    let text: String

    /// - Throws: `Fault`, which says what is wrong with the name.
    init(checking text: String) throws(Fault) {
        guard let slash = text.firstIndex(of: "/") else { throw Fault("has no '/' between client and subject") }
        guard slash != text.startIndex else { throw Fault("has no client before the '/'") }
        guard text.index(after: slash) != text.endIndex else { throw Fault("has no subject after the '/'") }
        let client = text[..<slash].utf8
        let isPart = { (byte: UInt8) in
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
        }
        guard let first = client.first, isPart(first) else {
            throw Fault("has a client that does not begin with a to z or 0 to 9")
        }
        guard client.allSatisfy({ isPart($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }) else {
            throw Fault("has a client with other characters than a to z, 0 to 9, '_' and '-'")
        }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw Fault("holds a control character")
        }
        guard text.utf8.count <= 255 else { throw Fault("is longer than 255 bytes") }
        self.text = text
    }

    /// Continues a sentence that begins with the name.
    struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        var reason: String

        init(_ reason: String) {
            self.reason = reason
        }

        var description: String { "it \(self.reason)" }
    }
}
