import RefreshCore

/// An answer that says no (RFC 6749 §5.2), in the shapes in which providers really send it.
///
/// Everything in it is a server's text. It is compared with known words and never shown, logged or stored.
package struct ErrorResponse: Hashable, Sendable {
    /// The member `error`; nil when it is there and is no text, as with providers that nest an object in it.
    package let code: String?
    /// Meta's `error.code`, VK's `error.error_code`, or the `code` beside Instagram's `error_type`.
    package let number: Int?
    /// Meta's `error.error_subcode`.
    let subnumber: Int?
    let description: String
    /// How long to wait, for a profile that names a member for it; not clamped.
    let wait: Duration?

    /// Looks for an error in the body of an answer.
    ///
    /// - Returns: Nil when the bytes cannot be read, or have no member `error`.
    package init?(parsing bytes: [UInt8], profile: ProviderProfile) {
        let members = profile.answersAreForms ? try? FormBody.members(in: bytes) : try? JSONReader.object(in: bytes)
        guard let members else { return nil }
        self.init(members: members, profile: profile)
    }

    /// - Returns: Nil when there is no member `error`, or one that says there is none: null, empty, false, zero.
    ///   Instagram's token host has `error_type` in its place (facts 3.7).
    init?(members: [String: JSONValue], profile: ProviderProfile) {
        var numbers = members
        switch members["error"] ?? (profile.strategy.spendsAccessToken ? members["error_type"] : nil) {
        case nil, .null, .bool(false), .string(""), .number("0"): return nil
        case .string(let code): self.code = code
        case .object(let nested):
            self.code = nil
            numbers = nested
        case .bool, .number, .array: self.code = nil
        }
        self.number = numbers["code"]?.integer ?? numbers["error_code"]?.integer
        self.subnumber = numbers["error_subcode"]?.integer
        self.description = members["error_description"]?.text ?? ""
        self.wait = profile.retryAfterMember.flatMap { members[$0]?.seconds }
    }
}

/// A provider's own word in an error answer, and what it means.
package struct ErrorRule: Hashable, Sendable {
    /// What is said about a refresh that failed, one word each as an operator's profile has them.
    package enum Meaning: String, Hashable, Sendable, CaseIterable {
        /// Only the user can bring the grant back.
        case deadGrant = "dead_grant"
        /// The client, not this grant.
        case clientRejected = "client_rejected"
        /// The server did not act; later it may.
        case temporary
        /// As `temporary`, and it is us who ask too often.
        case tooFast = "too_fast"
    }

    /// The value of `error`, exactly; nil for any.
    package var code: String?
    /// What `error_description` must hold, exactly; nil for anything.
    package var descriptionContains: String?
    /// The numbers of a nested error, ends included; nil for any.
    package var numbers: ClosedRange<Int>?
    /// Meta's `error_subcode`; nil for any.
    package var subnumber: Int?
    package var meaning: Meaning

    package init(
        code: String?,
        descriptionContains: String? = nil,
        numbers: ClosedRange<Int>? = nil,
        subnumber: Int? = nil,
        meaning: Meaning
    ) {
        self.code = code
        self.descriptionContains = descriptionContains
        self.numbers = numbers
        self.subnumber = subnumber
        self.meaning = meaning
    }

    /// A rule for one number of a nested error.
    package init(number: Int, meaning: Meaning) {
        self.init(code: nil, numbers: number...number, meaning: meaning)
    }

    /// Whether everything that the rule names is there; one that names nothing matches nothing.
    func matches(_ error: ErrorResponse) -> Bool {
        var checks: [Bool] = []
        if let code { checks.append(code == error.code) }
        if let descriptionContains { checks.append(error.description.contains(descriptionContains)) }
        if let numbers { checks.append(error.number.map { numbers.contains($0) } ?? false) }
        if let subnumber { checks.append(subnumber == error.subnumber) }
        return !checks.isEmpty && checks.allSatisfy { $0 }
    }
}
