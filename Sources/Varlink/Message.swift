package import NIOCore

/// A method call as it stands on the wire (varlink "Method Call").
package struct VarlinkCall: Hashable, Sendable {
    /// The interface's name, a dot and the method's: `org.varlink.service.GetInfo`.
    package var method: String
    /// The arguments, checked and in order.
    ///
    /// Empty if the call had none.
    package var arguments: JSONObject
    /// The arguments as the JSON object that was received, byte for byte; `{}` if the call had none.
    package var parameters: ByteBuffer
    /// The caller expects no answer at all, not even an error.
    package var oneway: Bool
    /// The caller takes several answers.
    package var more: Bool
    /// After one answer the caller wants to speak another protocol.
    package var upgrade: Bool

    package init(method: String, arguments: JSONObject = [:], oneway: Bool = false, more: Bool = false) {
        self.method = method
        self.arguments = arguments
        self.parameters = arguments.encoded
        self.oneway = oneway
        self.more = more
        self.upgrade = false
    }

    /// Reads a call from one frame.
    ///
    /// - Throws: `MessageError`. There is no answer to a message that cannot be read: close the connection, as systemd's
    ///   implementation does.
    package init(parsing frame: ByteBuffer) throws(MessageError) {
        var method: String?
        var call = VarlinkCall(method: "")
        for member in try EnvelopeMember.all(in: frame) {
            switch member.name {
            case "method": method = try member.required(member.value.string)
            case "parameters":
                // Null is tolerated as absent: the python client sends it for a method without parameters.
                if member.value == .null { break }
                call.arguments = try member.required(member.value.object)
                call.parameters = member.bytes
            case "oneway": call.oneway = try member.required(member.value.bool)
            case "more": call.more = try member.required(member.value.bool)
            case "upgrade": call.upgrade = try member.required(member.value.bool)
            default: throw .unknownMember(member.name)
            }
        }
        guard let method else { throw .missingMethod }
        guard !(call.oneway && call.more) else { throw .contradiction }
        call.method = method
        self = call
    }

    /// Returns the message without its NUL.
    package func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeStaticString("{\"method\":")
        self.method.writeJSON(into: &buffer)
        buffer.writeStaticString(",\"parameters\":")
        buffer.writeImmutableBuffer(self.parameters)
        if self.oneway { buffer.writeStaticString(",\"oneway\":true") }
        if self.more { buffer.writeStaticString(",\"more\":true") }
        if self.upgrade { buffer.writeStaticString(",\"upgrade\":true") }
        buffer.writeStaticString("}")
        return buffer
    }
}

/// One answer to a call.
package struct VarlinkReply: Hashable, Sendable {
    /// The fields of the answer, or of the error, as one JSON object.
    package var parameters: ByteBuffer
    /// The error's full name if the call failed, `nil` if it succeeded.
    package var error: String?
    /// More answers to the same call follow.
    ///
    /// Only after a call with `more`.
    package var continues: Bool

    /// `parameters` is one JSON object without a NUL byte, and is written as it is.
    package init(parameters: ByteBuffer = ByteBuffer(string: "{}"), continues: Bool = false) {
        self.parameters = parameters
        self.error = nil
        self.continues = continues
    }

    package init(error: VarlinkError) {
        self.parameters = error.parameters.encoded
        self.error = error.name
        self.continues = false
    }

    /// - Parameters:
    ///   - error: The error's full name.
    ///   - parameters: One JSON object without a NUL byte. It is written as it is.
    package init(error: String, parameters: ByteBuffer) {
        self.parameters = parameters
        self.error = error
        self.continues = false
    }

    /// Reads an answer from one frame.
    ///
    /// Top-level members that are not known are passed over: a newer service may say more than this client understands.
    package init(parsing frame: ByteBuffer) throws(MessageError) {
        var reply = VarlinkReply()
        for member in try EnvelopeMember.all(in: frame) {
            switch member.name {
            case "parameters":
                if member.value == .null { break }
                _ = try member.required(member.value.object)
                reply.parameters = member.bytes
            case "error":
                if member.value == .null { break }
                reply.error = try member.required(member.value.string)
            case "continues": reply.continues = try member.required(member.value.bool)
            default: break
            }
        }
        self = reply
    }

    /// Returns the message without its NUL.
    package func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(self.parameters.readableBytes + (self.error?.utf8.count ?? 0) + 40)
        buffer.writeStaticString("{")
        if let error = self.error {
            buffer.writeStaticString("\"error\":")
            error.writeJSON(into: &buffer)
            buffer.writeStaticString(",")
        }
        buffer.writeStaticString("\"parameters\":")
        buffer.writeImmutableBuffer(self.parameters)
        if self.continues { buffer.writeStaticString(",\"continues\":true") }
        buffer.writeStaticString("}")
        return buffer
    }
}

/// Why a message cannot be read.
///
/// The connection has to be closed.
package enum MessageError: Error, Hashable, Sendable {
    case malformed(JSONError)
    /// The document is JSON, but no object.
    case notAnObject
    case missingMethod
    case unknownMember(String)
    case wrongType(member: String)
    /// `oneway` and `more` exclude each other.
    case contradiction
}

/// One member of a message's top level, with the bytes of its value.
private struct EnvelopeMember {
    var name: String
    var value: JSONValue
    var bytes: ByteBuffer

    static func all(in frame: ByteBuffer) throws(MessageError) -> [EnvelopeMember] {
        let bytes = frame.readableBytesUInt8Span
        var reader = JSONReader()
        var seen = MemberNames()
        var members: [EnvelopeMember] = []
        do throws(JSONError) {
            if try reader.peek(in: bytes) == UInt8(ascii: "{") {
                try reader.openObject(in: bytes)
                while let name = try reader.nextName(in: bytes, after: &seen) {
                    let start = reader.position
                    let value = try reader.value(in: bytes)
                    let slice = frame.getSlice(at: frame.readerIndex + start, length: reader.position - start)
                    members.append(EnvelopeMember(name: name, value: value, bytes: slice ?? ByteBuffer()))
                }
                try reader.end(in: bytes)
                return members
            }
            _ = try JSONValue(parsing: bytes)
        } catch {
            throw .malformed(error)
        }
        throw .notAnObject
    }

    func required<T>(_ value: T?) throws(MessageError) -> T {
        guard let value else { throw .wrongType(member: self.name) }
        return value
    }
}
