package import NIOCore

extension JSONValue {
    /// Appends the value as JSON without white space.
    package func write(into buffer: inout ByteBuffer) {
        switch self {
        case .null: buffer.writeStaticString("null")
        case .bool(let value): buffer.writeString(value ? "true" : "false")
        case .int(let value): buffer.writeString(String(value))
        // JSON has no word for infinity. None is ever parsed, so this guards against our own arithmetic only.
        case .double(let value): buffer.writeString(value.isFinite ? value.description : "null")
        case .string(let value): value.writeJSON(into: &buffer)
        case .array(let elements):
            buffer.writeStaticString("[")
            for (index, element) in elements.enumerated() {
                if index > 0 { buffer.writeStaticString(",") }
                element.write(into: &buffer)
            }
            buffer.writeStaticString("]")
        case .object(let object): object.write(into: &buffer)
        }
    }

    /// The value as one line of JSON text.
    package var text: String {
        var buffer = ByteBuffer()
        self.write(into: &buffer)
        return String(buffer: buffer)
    }
}

extension JSONObject {
    package func write(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("{")
        for (index, member) in self.members.enumerated() {
            if index > 0 { buffer.writeStaticString(",") }
            member.name.writeJSON(into: &buffer)
            buffer.writeStaticString(":")
            member.value.write(into: &buffer)
        }
        buffer.writeStaticString("}")
    }

    /// The object's JSON text as bytes, for a message's `parameters`.
    package var encoded: ByteBuffer {
        var buffer = ByteBuffer()
        self.write(into: &buffer)
        return buffer
    }
}

extension String {
    /// Appends the text as a JSON string, quotes included.
    ///
    /// The result holds no control character, so no NUL.
    func writeJSON(into buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt8(ascii: "\""))
        if self.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
            for byte in self.utf8 { buffer.writeEscaped(byte) }
        } else {
            buffer.writeString(self)
        }
        buffer.writeInteger(UInt8(ascii: "\""))
    }
}

extension ByteBuffer {
    fileprivate mutating func writeEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): self.writeStaticString("\\\"")
        case UInt8(ascii: "\\"): self.writeStaticString("\\\\")
        case 0x0A: self.writeStaticString("\\n")
        case 0x0D: self.writeStaticString("\\r")
        case 0x09: self.writeStaticString("\\t")
        case 0..<0x20:
            let digits = String(byte, radix: 16)
            self.writeString("\\u00" + (digits.utf8.count == 1 ? "0" : "") + digits)
        default: self.writeInteger(byte)
        }
    }
}
