import ControlAPI
import Varlink

/// Puts the accounts of an import file into the daemon, many at a time.
///
/// Lines are independent of each other: one that fails is reported and the others go on. Lines of the same account
/// are put in the order in which they stand.
struct Importer {
    /// Calls of one connection are handled in order, so one slow provider or one commit would hold up all behind it.
    static let connections = 16
    /// Calls that have been sent and not been answered.
    ///
    /// Bounds memory, and what is lost with the daemon.
    static let outstanding = 256

    /// What to call the input in front of a line's number.
    let name: String
    let clients: [VarlinkClient]
    let socket: String
    /// Told of every line that is refused: one line of text.
    let report: (String) -> Void
    /// Told of every account that was put.
    let imported: (Answer) throws -> Void

    private var waiting: [Waiting] = []
    private var firstWaiting = 0
    private(set) var count = Count()

    struct Count: Hashable, Sendable {
        var imported = 0
        var refused = 0
    }

    private struct Waiting {
        var line: Int
        var account: AccountName
        var reply: PendingReply
    }

    init(
        name: String,
        clients: [VarlinkClient],
        socket: String,
        report: @escaping (String) -> Void,
        imported: @escaping (Answer) throws -> Void
    ) {
        self.name = name
        self.clients = clients
        self.socket = socket
        self.report = report
        self.imported = imported
    }

    /// Takes one line; returns as soon as there is room for the next.
    ///
    /// `number` is the line's, counted from 1.
    ///
    /// - Throws: `Failure` if the daemon is gone, or will not take anything from us.
    mutating func add(_ bytes: [UInt8], number: Int) async throws {
        guard bytes.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { return }
        try await self.add(Result { () throws(ImportLine.Fault) in try ImportLine(parsing: bytes) }, number: number)
    }

    /// Takes one account, or what is wrong with it; otherwise as `add(_:number:)` for the bytes of a line.
    mutating func add(_ account: Result<ImportLine, ImportLine.Fault>, number: Int) async throws {
        let line: ImportLine
        switch account {
        case .success(let good): line = good
        case .failure(let fault): return self.refuse(number, fault.account, fault.reason)
        }
        let call = VarlinkCall(method: Call.Put.fullMethod, arguments: line.arguments)
        let client = self.clients[Int(line.account.text.hashValue.magnitude % UInt(self.clients.count))]
        self.waiting.append(Waiting(line: number, account: line.account, reply: client.start(call)))
        if self.waiting.count - self.firstWaiting >= Self.outstanding { try await self.settleOne() }
    }

    /// Waits for the answers that are still out.
    mutating func finish() async throws {
        while self.firstWaiting < self.waiting.count { try await self.settleOne() }
    }

    private mutating func settleOne() async throws {
        let waiting = self.waiting[self.firstWaiting]
        self.firstWaiting += 1
        if self.firstWaiting == Self.outstanding {
            self.waiting.removeFirst(self.firstWaiting)
            self.firstWaiting = 0
        }
        do {
            try self.imported(Answer(parameters: try await waiting.reply.value()))
            self.count.imported += 1
        } catch VarlinkClientError.refused(let error) {
            let failure = Failure(error)
            self.refuse(waiting.line, waiting.account, failure.plainReason)
        } catch let error as VarlinkClientError {
            throw Failure(error, socket: self.socket)
        }
    }

    private mutating func refuse(_ line: Int, _ account: AccountName?, _ reason: String) {
        self.count.refused += 1
        let account = account.map { "\($0.text.escaped): " } ?? ""
        self.report("\(self.name):\(line): \(account)\(reason)")
    }
}
