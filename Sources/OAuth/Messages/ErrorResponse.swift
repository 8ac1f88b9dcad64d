import RefreshCore

/// An answer that says no (RFC 6749 §5.2), in the shapes in which providers really send it.
///
/// Everything in it is a server's text. It is compared with known words and never shown, logged or stored.
package struct ErrorResponse: Hashable, Sendable {
    /// The member `error`; nil when it is there and is no text, as with providers that nest an object in it.
    package let code: String?
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
    init?(members: [String: JSONValue], profile: ProviderProfile) {
        switch members["error"] {
        case nil, .null, .bool(false), .string(""), .number("0"): return nil
        case .string(let code): self.code = code
        case .bool, .number, .array, .object: self.code = nil
        }
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
    package var meaning: Meaning

    package init(code: String?, descriptionContains: String? = nil, meaning: Meaning) {
        self.code = code
        self.descriptionContains = descriptionContains
        self.meaning = meaning
    }

    func matches(_ error: ErrorResponse) -> Bool {
        if let code, code != error.code { return false }
        if let descriptionContains { return error.description.contains(descriptionContains) }
        return self.code != nil
    }
}
