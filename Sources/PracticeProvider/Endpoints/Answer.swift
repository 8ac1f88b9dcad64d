/// What an endpoint says, before anything is done to it on the way out.
struct Answer: Hashable, Sendable {
    /// A generation that this answer carries, so that its delivery can be entered.
    struct Receipt: Hashable, Sendable {
        let grant: Int
        let generation: Int
    }

    var status: Int
    var headers: [String: String]
    var body: String
    var receipt: Receipt?

    init(status: Int, headers: [String: String] = [:], body: String = "", receipt: Receipt? = nil) {
        self.status = status
        self.headers = headers
        self.body = body
        self.receipt = receipt
    }

    /// JSON that must not be kept by anybody on the way (RFC 6749 §5.1).
    static func json(_ body: String, status: Int = 200, receipt: Receipt? = nil) -> Answer {
        Answer(
            status: status,
            headers: ["Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"],
            body: body,
            receipt: receipt
        )
    }

    static let empty = Answer(status: 204)

    static let notFound = Answer(status: 404)

    static func methodNotAllowed(_ allowed: String) -> Answer {
        Answer(status: 405, headers: ["Allow": allowed])
    }
}
