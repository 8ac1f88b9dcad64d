import NIOCore
import Varlink

/// One input for the codec of the control socket: its first byte says which part of it, the rest is what a peer sent.
///
/// Invalid input must be refused, and valid input must come back unchanged.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzVarlink(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let choice = input.first else { return 0 }
    let bytes = Array(input.dropFirst())
    switch choice % 5 {
    case 0: checkFrames(Array(bytes.prefix(200)))
    case 1: checkCall(bytes)
    case 2: checkReply(bytes)
    case 3: checkValue(bytes)
    default: checkDescription(bytes)
    }
    return 0
}

/// What is said on the wire, from the tests and the documentation of the protocol.
let seeds: [[UInt8]] = [
    (0, ["one\u{0}", "one\u{0}two\u{0}\u{0}", "cut", String(repeating: "x", count: 64) + "\u{0}"]),
    (
        1,
        [
            #"{"method":"org.refreshd.Control.GetToken","parameters":{"account":"a","min_valid":60}}"#,
            #"{"method":"a.b.C","parameters":null,"oneway":true}"#,
            #" { "more" : true , "method":"a.b.C" , "parameters" : { "x":[ 1.50, -0, 1e5, null ] } } "#,
            #"{"method":"a.b.C","upgrade":true,"parameters":{"\u00e9":"\ud83d\ude00\n\u0000\"\\/"}}"#,
        ]
    ),
    (
        2,
        [
            #"{"error":"org.varlink.service.InvalidParameter","parameters":{"parameter":"account"}}"#,
            #"{"parameters":{"token":{"access_token":"canary","scope":[]}},"continues":true}"#,
            #"{"parameters":null,"error":null,"more":7}"#,
        ]
    ),
    (
        3,
        [
            #"{"a":[true,false,null,"é😀",{"b":-1.5e-3,"c":9223372036854775808}]}"#, "[[[[[[]]]]]]",
            #"{"a":1,"a":2}"#, #""\u0041\uD83D\uDE00\b\f\/""#, "-9223372036854775808", "1e308", "0.1",
        ]
    ),
    (
        4,
        [
            """
            # The interface.
            interface org.example.test
            # A type.
            type Item (name: string, size: ?int, kind: (file, folder), tags: []string, more: [string]Item, x: object)
            method List(under: string, depth: ?int) -> (items: []Item)
            error NotFound (path: string, at: float, is: bool)
            \u{0}{"under":"/","depth":null}
            """,
            "interface a.b\nmethod A(x: (p: ?[]B)) -> ()\ntype B (c, d)\u{0}{\"x\":{\"p\":[\"c\"]}}",
        ]
    ),
].flatMap { (choice: UInt8, texts: [String]) in texts.map { [choice] + Array($0.utf8) } }

// MARK: Frames

/// A stream that was cut into messages.
private struct Cut: Hashable {
    var frames: [[UInt8]] = []
    var error: FrameError?
}

/// However the stream arrives, the same messages come out of it (facts H16).
private func checkFrames(_ bytes: [UInt8]) {
    let limit = 64
    let whole = cut(bytes, piece: bytes.count, limit: limit)
    claim(whole == cut(bytes, piece: 1, limit: limit), "byte by byte the stream means something else")
    claim(whole == cut(bytes, piece: 1 + Int(bytes.first ?? 0) % 17, limit: limit), "in pieces, too")
    claim(whole.frames.allSatisfy { $0.count <= limit && !$0.contains(0) }, "a frame is too long or holds NUL")

    guard whole.error == nil else { return }
    var again = ByteBuffer()
    for frame in whole.frames { FrameEncoder().encode(data: ByteBuffer(bytes: frame), out: &again) }
    claim(Array(again.readableBytesView) == bytes, "the frames put together are not the stream")
}

/// What NIO's handler does around a decoder, which in a build for tests would take most of the time.
private func cut(_ bytes: [UInt8], piece: Int, limit: Int) -> Cut {
    var decoder = FrameDecoder(maximumLength: limit)
    var buffer = ByteBuffer()
    var result = Cut()
    do throws(FrameError) {
        for start in stride(from: 0, to: bytes.count, by: max(piece, 1)) {
            buffer.writeBytes(bytes[start..<min(start + max(piece, 1), bytes.count)])
            while let frame = try decoder.decode(buffer: &buffer) {
                result.frames.append(Array(frame.readableBytesView))
            }
        }
        while let frame = try decoder.decodeLast(buffer: &buffer, seenEOF: true) {
            result.frames.append(Array(frame.readableBytesView))
        }
    } catch {
        result.error = error
    }
    return result
}

// MARK: Messages

private func checkCall(_ bytes: [UInt8]) {
    guard let call = try? VarlinkCall(parsing: ByteBuffer(bytes: bytes)) else { return }
    let encoded = call.encoded()
    claim(!encoded.readableBytesView.contains(0), "a message with NUL in it")
    let again = try? VarlinkCall(parsing: encoded)
    claim(again == call, "a call does not survive being written")
    claim(again?.encoded() == encoded, "a call is written in two ways")
    // What the code behind the check reads is what the check has read.
    let parameters = try? JSONValue(parsing: call.parameters)
    claim(parameters == .object(call.arguments), "a call's bytes are not its arguments")
}

private func checkReply(_ bytes: [UInt8]) {
    guard let reply = try? VarlinkReply(parsing: ByteBuffer(bytes: bytes)) else { return }
    let encoded = reply.encoded()
    claim(!encoded.readableBytesView.contains(0), "a message with NUL in it")
    let again = try? VarlinkReply(parsing: encoded)
    claim(again == reply, "a reply does not survive being written")
    claim(again?.encoded() == encoded, "a reply is written in two ways")
}

private func checkValue(_ bytes: [UInt8]) {
    guard let value = try? JSONValue(parsing: bytes) else { return }
    claim(depth(of: value) <= JSONValue.maximumDepth, "nested deeper than allowed")
    let text = value.text
    let again = try? JSONValue(parsing: Array(text.utf8))
    claim(again == value, "a value does not survive being written")
    claim(again?.text == text, "a value is written in two ways")
}

private func depth(of value: JSONValue) -> Int {
    switch value {
    case .null, .bool, .int, .double, .string: 0
    case .array(let elements): 1 + (elements.map(depth).max() ?? 0)
    case .object(let object): 1 + (object.members.map { depth(of: $0.value) }.max() ?? 0)
    }
}

// MARK: Definitions

/// Up to the first NUL a definition, behind it the arguments of a call to one of its methods.
private func checkDescription(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0, maxSplits: 1)
    guard let first = parts.first, let text = String(validating: first, as: UTF8.self) else { return }
    let description: InterfaceDescription
    do {
        description = try InterfaceDescription(parsing: text)
    } catch {
        claim((1...(1 + text.count)).contains(error.line), "a fault on no line of the text")
        return
    }
    claim(Set(description.declarations.map(\.name)).count == description.declarations.count, "a name twice")
    let arguments = parts.count > 1 ? (try? JSONValue(parsing: Array(parts[1])))?.object : nil
    for method in description.methodNames {
        claim(description.hasMethod(method), "a method is named and is not there")
        guard let arguments else { continue }
        let fault = description.invalidArgument(in: arguments, of: method)
        claim(fault != "", "a fault without a name")
    }
}
