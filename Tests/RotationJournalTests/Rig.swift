import Glibc
import RefreshCore
import Sealing
import Synchronization
import TestSupport

@testable import RotationJournal

/// A journal in a folder of its own, with a second folder, a faulty system and a clock of a test's own.
struct Rig {
    static let store = StoreID("0123456789abcdef0123456789abcdef")

    let folder: TemporaryFolder
    let second: TemporaryFolder
    let files = FaultyFiles()
    let clock = ManualClock()
    let log = RecordingLog()
    let sealer: any Sealer
    var slots = 8
    var heldBack = 0
    var layout: SlotLayout
    var boot = "boot-1"
    /// What stands between the journal and the system beside the faults.
    var disk: SectorDisk?

    init(slots: Int = 8, slotSize: Int = 4_096, sealer: (any Sealer)? = nil) throws {
        self.folder = try TemporaryFolder()
        self.second = try TemporaryFolder()
        self.sealer = try sealer ?? Rig.sealer(1)
        self.slots = slots
        self.layout = SlotLayout(slotSize: slotSize) ?? .standard
    }

    static func sealer(_ seed: UInt8) throws -> AEADSealer {
        AEADSealer(keys: try KeyRing(bytes: (0..<32).map { seed &* 31 &+ $0 }))
    }

    var path: String { self.folder.path("escrow") }

    /// Opens the journal, as the next process does; the one before is simply let go.
    func open(store: StoreID = Rig.store, sealer: (any Sealer)? = nil) throws -> RotationJournal {
        let place = JournalPlace(path: self.path)
        return try RotationJournal.open(
            places: [place, place.moved(to: self.second.path)],
            RecordSealer(store: store, journal: "journal-1", sealer: sealer ?? self.sealer),
            boot: self.boot,
            slots: self.slots,
            heldBack: self.heldBack,
            layout: self.layout,
            calls: self.disk?.calls(over: self.files.calls) ?? self.files.calls,
            clock: self.clock,
            logger: self.log.logger
        )
    }

    func read(_ bytes: [UInt8], boot: String? = nil) throws -> [Seen] {
        try Recovery.read(bytes: bytes, store: Self.store, sealer: self.sealer, boot: boot ?? self.boot)
            .attempts.map(Seen.init)
    }
}

/// A recovered attempt that can be compared.
struct Seen: Hashable {
    enum Progress: Hashable {
        case notSent
        case sent(Timestamp)
        case answered(status: Int, headers: [String], body: Secret, sentAt: Timestamp)
    }

    var intent: AttemptIntent
    var progress: Progress
    var tries = 0

    init(_ intent: AttemptIntent, _ progress: Progress, tries: Int = 0) {
        self.intent = intent
        self.progress = progress
        self.tries = tries
    }

    init(_ attempt: RecoveredAttempt) {
        self.intent = attempt.intent
        self.tries = attempt.tries
        self.progress =
            switch attempt.progress {
            case .notSent: .notSent
            case .sent(let moment): .sent(moment)
            case .answered(let answer, let sentAt): Self.answered(answer, sentAt)
            }
    }

    static func answered(_ answer: RawAnswer, _ sentAt: Timestamp) -> Progress {
        .answered(
            status: answer.status,
            headers: answer.headers.map { "\($0.name): \($0.value)" },
            body: answer.body,
            sentAt: sentAt
        )
    }
}

func intent(_ number: Int, account: String? = nil) throws -> AttemptIntent {
    AttemptIntent(
        account: try AccountID(account ?? "box/user-\(number)"),
        generation: Generation(Int64(number)),
        number: 1,
        fingerprint: Array(repeating: UInt8(truncatingIfNeeded: number), count: 16),
        startedAt: Timestamp(milliseconds: Int64(1_000 * number))
    )
}

/// An answer whose body has so many bytes, canary and number first.
func answer(_ number: Int, count: Int = 40) -> RawAnswer {
    let text = Array("canary-at-\(number) ".utf8)
    let body = (0..<count).map { $0 < text.count ? text[$0] : UInt8(truncatingIfNeeded: $0 &* 7 &+ number) }
    return RawAnswer(status: 200, headers: [("content-type", "application/json")], body: Secret(body))
}

/// The system, failing when a test says so, and remembering what was asked.
final class FaultyFiles: Sendable {
    enum Call: Hashable, Sendable { case open, write, syncData, syncAll, rename, unlink }

    struct Event: Hashable, Sendable {
        var call: Call
        var path: String
        /// Which opening of a file it was, from 1; 0 for calls that name a path.
        var opening = 0
    }

    private struct State {
        var openings = 0
        var files: [Int32: Event] = [:]
        var events: [Event] = []
        var fault: @Sendable (Event) -> Int32? = { _ in nil }
        /// At most so many bytes a write.
        var mostBytes = Int.max
    }

    private let state = Mutex(State())

    var events: [Event] { self.state.withLock { $0.events } }

    func count(_ call: Call) -> Int { self.events.count { $0.call == call } }

    /// Has calls fail with an error number from now on.
    func fail(_ fault: @escaping @Sendable (Event) -> Int32?) { self.state.withLock { $0.fault = fault } }

    func heal() { self.fail { _ in nil } }

    func limitWrites(to count: Int) { self.state.withLock { $0.mostBytes = count } }

    private func tell(_ event: Event) -> Int32? {
        let fault = self.state.withLock { state in
            state.events.append(event)
            return state.fault
        }
        return fault(event)
    }

    private func event(_ call: Call, _ file: Int32) -> Event {
        let opened = self.state.withLock { $0.files[file] } ?? Event(call: .open, path: "")
        return Event(call: call, path: opened.path, opening: opened.opening)
    }

    var calls: FileCalls {
        let system = FileCalls.system
        return FileCalls(
            open: { path, flags, mode in
                if let code = self.tell(Event(call: .open, path: path)) { return -code }
                let file = system.open(path, flags, mode)
                self.state.withLock { state in
                    state.openings += 1
                    state.files[file] = Event(call: .open, path: path, opening: state.openings)
                }
                return file
            },
            write: { file, bytes, from, position in
                if let code = self.tell(self.event(.write, file)) { return -Int(code) }
                let most = self.state.withLock { $0.mostBytes }
                guard bytes.count - from > most else { return system.write(file, bytes, from, position) }
                return system.write(file, Array(bytes[from..<(from + most)]), 0, position)
            },
            read: system.read,
            syncData: { file in self.tell(self.event(.syncData, file)).map { -$0 } ?? system.syncData(file) },
            syncAll: { file in self.tell(self.event(.syncAll, file)).map { -$0 } ?? system.syncAll(file) },
            rename: { from, to in
                self.tell(Event(call: .rename, path: to)).map { -$0 } ?? system.rename(from, to)
            },
            unlink: { path in self.tell(Event(call: .unlink, path: path)).map { -$0 } ?? system.unlink(path) },
            close: system.close
        )
    }
}
