import RefreshCore

@testable import RotationJournal

/// One input for the journal's recovery: a byte for its kind, then the header's fields or what stands in the slots.
///
/// The seal is left open, for no fuzzer gets past a closed one: so the records are as wild as a broken writer or a
/// wrong key could make them. Whatever the file says, an answer or a refusal comes of it, of which all the claims
/// below are true.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJournal(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let choice = input.first else { return 0 }
    let rest = Array(input.dropFirst())
    switch choice % 3 {
    case 0: check(scattered(rest))
    case 1: check(headed(rest))
    default: check(rest)
    }
    return 0
}

private let slots = 4
private let store = StoreID("0123456789abcdef0123456789abcdef")
private let boot = "boot-1"

// MARK: Files

/// A good file of a few small slots, with the pieces of the input in the places that they name.
///
/// A piece is a byte for the place, two for the length of what follows, and that.
private func scattered(_ input: [UInt8]) -> [UInt8] {
    var file = empty
    var reader = FieldReader(input)
    while let place = reader.number(UInt8.self), let length = reader.number(UInt16.self) {
        let piece = reader.take(Int(length)) ?? reader.rest
        let start = places[Int(place) % places.count]
        let end = min(start + piece.count, file.count)
        file.replaceSubrange(start..<end, with: piece.prefix(end - start))
        if piece.count < length { break }
    }
    return file
}

/// The input as the header's fields, with the checksum that belongs to them, in front of enough zeros.
private func headed(_ input: [UInt8]) -> [UInt8] {
    var file = Array("rfshjrnl".utf8) + input.prefix(512)
    file += Array(repeating: 0, count: empty.count - file.count)
    var reader = FieldReader(Array(file.dropFirst(8 + 4 + 4 + 4 + 8)))
    guard let id = reader.counted(), let name = reader.counted(), reader.rest.count >= 8 else { return file }
    let length = 8 + 4 + 4 + 4 + 8 + 4 + id.count + 4 + name.count
    var checksum = FieldWriter()
    checksum.put(AccountID.fingerprint(of: Array(file[..<length]).span))
    file.replaceSubrange(length..<(length + 8), with: checksum.bytes)
    return file
}

private let header: JournalHeader = {
    guard let layout = SlotLayout(slotSize: 4_096) else { preconditionFailure("a slot may be that small") }
    return JournalHeader(id: "journal", store: store, fileNumber: 1, slots: slots, layout: layout)
}()

private let sealer = RecordSealer(store: store, journal: "journal", sealer: OpenSeal())

/// Header and mark, and nothing in the slots.
private let empty: [UInt8] = {
    var file = header.bytes
    file += Array(repeating: 0, count: header.fileSize - file.count)
    guard let mark = try? JournalMark(start: 1, revision: Revision(7), writes: 2).sealed(by: sealer) else {
        preconditionFailure("an open seal does not fail")
    }
    file.replaceSubrange(mark.position..<(mark.position + mark.bytes.count), with: mark.bytes)
    return file
}()

/// Where records begin: the marks, and in each slot one place for each kind.
private let places: [Int] = {
    var places = [SlotLayout.markPosition(copy: 0), SlotLayout.markPosition(copy: 1)]
    for slot in 0..<slots {
        let start = header.layout.position(ofSlot: slot)
        let rooms = [(RecordKind.intent, 0), (.sent, 0), (.tries, 0), (.tries, 1), (.setAside, 0), (.answer, 0)]
        places += rooms.map { start + header.layout.room(for: $0.0, part: $0.1).lowerBound }
    }
    return places
}()

// MARK: Claims

private func check(_ file: [UInt8]) {
    let recovery: Recovery
    do throws(Recovery.Refusal) {
        recovery = try Recovery.read(bytes: file, store: store, sealer: OpenSeal(), boot: boot)
    } catch {
        let again = Result { () throws(Recovery.Refusal) in
            try Recovery.read(bytes: file, store: store, sealer: OpenSeal(), boot: boot)
        }
        if case .failure(let other) = again {
            claim(other == error, "refused for two reasons")
        } else {
            claim(false, "refused once")
        }
        return
    }
    claim(recovery.header.store == store, "another store's journal is read")
    claim(recovery.slots.count == recovery.header.slots, "not one state for each slot")
    claim(recovery.header.fileSize <= file.count, "more slots than the file has")

    let attempts = recovery.attempts
    claim(Set(attempts.map(\.slot)).count == attempts.count, "two attempts in one slot")
    for (earlier, later) in zip(recovery.found, recovery.found.dropFirst()) {
        claim(earlier.sequence <= later.sequence, "the order is not that of the beginnings")
    }
    for found in recovery.found {
        claim((0..<recovery.header.slots).contains(found.slot), "an attempt in no slot")
        let intent = Plaintext.bytes(of: found.intent.intent, boot: found.intent.boot)
        claim(Plaintext.intent(from: intent) == found.intent, "an intent does not survive being written")
        if let answer = found.answer {
            let again = Plaintext.answer(from: Plaintext.bytes(of: answer))
            claim(again.map(Summary.init) == Summary(answer), "an answer does not survive being written")
        }
    }
    for (index, attempt) in attempts.enumerated() {
        let found = recovery.found.filter { !$0.isSetAside }[index]
        switch attempt.progress {
        case .notSent:
            claim(found.sentAt == nil && found.answer == nil && found.intent.boot == boot, "sent, and it is denied")
        case .sent: claim(found.answer == nil, "an answer is lost")
        case .answered(let answer, sentAt: _):
            claim(found.answer.map(Summary.init) == Summary(answer), "another answer")
        }
    }
}

private struct Summary: Hashable {
    var status: Int
    var headers: [[String]]
    var body: Secret

    init(_ answer: RawAnswer) {
        self.status = answer.status
        self.headers = answer.headers.map { [$0.name, $0.value] }
        self.body = answer.body
    }
}

/// Seals nothing; by its first byte a text does not open, as if the key were missing or the place another one.
private struct OpenSeal: Sealer {
    func seal(_ plaintext: [UInt8], at place: SealingPlace) throws(SealingError) -> SealedBytes {
        SealedBytes(plaintext)
    }

    func open(_ sealed: SealedBytes, at place: SealingPlace) throws(SealingError) -> Secret {
        switch sealed.bytes.first {
        case 0xFE: throw .refused
        case 0xFF: throw .unknownKey
        default: return Secret(sealed.bytes)
        }
    }

    func fingerprint(of secret: Secret) -> [UInt8] { Array(repeating: 7, count: 16) }
}

// MARK: Seeds

/// Files as a good writer leaves them, as the pieces that make them.
let seeds: [[UInt8]] = {
    guard let account = try? AccountID("box/app/canary") else { preconditionFailure("a name that accounts may have") }
    let intent = AttemptIntent(
        account: account,
        generation: Generation(3),
        number: 1,
        fingerprint: Array(repeating: 7, count: 16),
        startedAt: Timestamp(milliseconds: 784_111_777_000)
    )
    let answer = RawAnswer(status: 200, headers: [("a", "b")], body: Secret(#"{"access_token":"canary-at-2"}"#))
    let text = Plaintext.bytes(of: answer)
    let whole = Plaintext.AnswerHead(use: 9, total: text.count, parts: [], text: text[...])
    let split = Plaintext.AnswerHead(use: 9, total: text.count, parts: [1], text: text.prefix(20))
    let begun = piece(slot: 0, .intent, 9, Plaintext.bytes(of: intent, boot: boot))
    let elsewhere = piece(slot: 2, .intent, 8, Plaintext.bytes(of: intent, boot: "boot-0"))
    let sent = piece(slot: 0, .sent, 9, Plaintext.bytes(of: 784_111_778_000))
    let tries = piece(slot: 0, .tries, 9, Plaintext.bytes(of: 2))
    let answered = piece(slot: 0, .answer, 10, whole.bytes)
    let inParts =
        piece(slot: 0, .answer, 10, split.bytes) + piece(slot: 1, .part, 10, Array(text.dropFirst(20)), number: 1)
    let setAside = piece(slot: 0, .setAside, 9, Plaintext.bytes(of: 1))
    let locked = piece(slot: 3, .intent, 9, [0xFF, 1, 2, 3])
    let files = [
        [], begun, begun + sent, begun + sent + answered, begun + sent + inParts, begun + sent + tries + answered,
        begun + sent + answered + setAside, elsewhere + begun, elsewhere + sent, begun + locked,
    ]
    return files.map { [0] + $0 } + [[1] + header.bytes.dropFirst(8), [2] + Array(empty.prefix(8_000))]
}()

private func piece(slot: Int, _ kind: RecordKind, _ sequence: Int64, _ plaintext: [UInt8], number: Int = 0) -> [UInt8] {
    guard let record = try? sealer.seal(plaintext, as: kind, part: number, slot: slot, sequence: sequence) else {
        preconditionFailure("an open seal does not fail")
    }
    let rooms: [RecordKind: Int] = [.intent: 0, .part: 0, .sent: 1, .tries: 2, .setAside: 4, .answer: 5]
    var writer = FieldWriter()
    writer.put(UInt8(2 + 6 * slot + (rooms[kind] ?? 0)))
    writer.put(UInt16(record.bytes.count))
    writer.put(record.bytes)
    return writer.bytes
}
