import RefreshCore

/// What is inside the seals: one type for each record that holds more than a number.
enum Plaintext {
    /// The intent, and the boot that it belongs to.
    struct Intent: Hashable, Sendable {
        var intent: AttemptIntent
        /// Empty if no boot is to be believed in.
        var boot: String
    }

    static func bytes(of intent: AttemptIntent, boot: String) -> [UInt8] {
        var writer = FieldWriter()
        writer.put(counted: intent.account.name.utf8)
        writer.put(intent.generation.number)
        writer.put(Int64(intent.number))
        writer.put(counted: intent.fingerprint)
        writer.put(intent.startedAt.milliseconds)
        writer.put(counted: boot.utf8)
        return writer.bytes
    }

    static func intent(from bytes: [UInt8]) -> Intent? {
        var reader = FieldReader(bytes)
        guard let name = reader.text(), let account = try? AccountID(name),
            let generation = reader.number(Int64.self),
            let number = reader.number(Int64.self),
            let fingerprint = reader.counted(),
            let startedAt = reader.number(Int64.self),
            let boot = reader.text()
        else { return nil }
        let intent = AttemptIntent(
            account: account,
            generation: Generation(generation),
            number: Int(number),
            fingerprint: Array(fingerprint),
            startedAt: Timestamp(milliseconds: startedAt)
        )
        return Intent(intent: intent, boot: boot)
    }

    static func bytes(of number: Int64) -> [UInt8] {
        var writer = FieldWriter()
        writer.put(number)
        return writer.bytes
    }

    static func number(from bytes: [UInt8]) -> Int64? {
        var reader = FieldReader(bytes)
        return reader.number(Int64.self)
    }

    static func bytes(of answer: RawAnswer) -> [UInt8] {
        var writer = FieldWriter()
        writer.put(Int64(answer.status))
        writer.put(UInt32(answer.headers.count))
        for (name, value) in answer.headers {
            writer.put(counted: name.utf8)
            writer.put(counted: value.utf8)
        }
        var body = answer.body.revealBytes()
        defer { wipe(&body) }
        writer.put(counted: body)
        return writer.bytes
    }

    static func answer(from bytes: [UInt8]) -> RawAnswer? {
        var reader = FieldReader(bytes)
        guard let status = reader.number(Int64.self), let count = reader.number(UInt32.self) else { return nil }
        var headers: [(name: String, value: String)] = []
        for _ in 0..<count {
            // Ends at the last byte at the latest, whatever the count says.
            guard let name = reader.text(), let value = reader.text() else { return nil }
            headers.append((name, value))
        }
        guard let body = reader.counted() else { return nil }
        return RawAnswer(status: Int(status), headers: headers, body: Secret(body))
    }

    /// The first record of an answer: to which use it belongs, and where the rest is.
    struct AnswerHead {
        var use: Int64
        var total: Int
        var parts: [Int]
        var text: ArraySlice<UInt8>

        init(use: Int64, total: Int, parts: [Int], text: ArraySlice<UInt8>) {
            self.use = use
            self.total = total
            self.parts = parts
            self.text = text
        }

        init?(_ bytes: [UInt8]) {
            var reader = FieldReader(bytes)
            guard let use = reader.number(Int64.self), let total = reader.number(UInt32.self),
                let count = reader.number(UInt16.self)
            else { return nil }
            var parts: [Int] = []
            for _ in 0..<count {
                guard let part = reader.number(UInt32.self) else { return nil }
                parts.append(Int(part))
            }
            self.init(use: use, total: Int(total), parts: parts, text: reader.rest)
        }

        var bytes: [UInt8] {
            var writer = FieldWriter()
            writer.put(self.use)
            writer.put(UInt32(truncatingIfNeeded: self.total))
            writer.put(UInt16(truncatingIfNeeded: self.parts.count))
            for part in self.parts { writer.put(UInt32(truncatingIfNeeded: part)) }
            writer.put(self.text)
            return writer.bytes
        }
    }
}
